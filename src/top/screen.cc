// SPDX-License-Identifier: Apache-2.0
#include "src/top/screen.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cwchar>

// Wide: letters of other scripts. Its macros would rename methods of ours.
#define NCURSES_WIDECHAR 1
#define NCURSES_NOMACROS 1
#include <ncurses.h>

namespace edl {
namespace {

constexpr short kWarningColours = 1;
constexpr short kErrorColours = 2;
constexpr short kQuietColours = 3;
constexpr wchar_t kControlH = 8, kEscape = 27, kDelete = 127;

bool WantsColours() {
  const char* no = std::getenv("NO_COLOR");  // https://no-color.org
  return no == nullptr || *no == '\0';
}

attr_t Attributes(Style style, bool colours) {
  auto colour = [&](short pair, attr_t otherwise) { return colours ? COLOR_PAIR(pair) : otherwise; };
  switch (style) {
    case Style::kPlain:
      return A_NORMAL;
    case Style::kBold:
      return A_BOLD;
    case Style::kQuiet:
      return colour(kQuietColours, A_DIM);
    case Style::kWarning:
      return colour(kWarningColours, A_BOLD);
    case Style::kError:
      return colour(kErrorColours, A_BOLD) | A_BOLD;
    case Style::kHeader:
      return A_REVERSE;
    case Style::kSortedHeader:
      return A_REVERSE | A_BOLD | A_UNDERLINE;
    case Style::kSelected:
      return A_STANDOUT | A_BOLD;
  }
  return A_NORMAL;
}

std::optional<KeyPress> Function(wint_t key) {
  switch (key) {
    case KEY_UP:
      return KeyPress{Key::kUp, ""};
    case KEY_DOWN:
      return KeyPress{Key::kDown, ""};
    case KEY_PPAGE:
      return KeyPress{Key::kPageUp, ""};
    case KEY_NPAGE:
      return KeyPress{Key::kPageDown, ""};
    case KEY_HOME:
      return KeyPress{Key::kHome, ""};
    case KEY_END:
      return KeyPress{Key::kEnd, ""};
    case KEY_ENTER:
      return KeyPress{Key::kEnter, ""};
    case KEY_BACKSPACE:
      return KeyPress{Key::kBackspace, ""};
    case KEY_BTAB:
      return KeyPress{Key::kTab, ""};
    default:
      return std::nullopt;
  }
}

std::optional<KeyPress> Character(wchar_t key) {
  if (key == L'\n' || key == L'\r') return KeyPress{Key::kEnter, ""};
  if (key == L'\t') return KeyPress{Key::kTab, ""};
  if (key == kEscape) return KeyPress{Key::kEscape, ""};
  if (key == kDelete || key == kControlH) return KeyPress{Key::kBackspace, ""};
  char bytes[16];
  std::mbstate_t state{};
  const std::size_t size = std::wcrtomb(bytes, key, &state);
  if (key < L' ' || size > sizeof bytes) return std::nullopt;
  return KeyPress{Key::kText, std::string(bytes, size)};
}

}  // namespace

absl::StatusOr<std::unique_ptr<Screen>> Screen::Open() {
  if (isatty(STDIN_FILENO) == 0 || isatty(STDOUT_FILENO) == 0) {
    return absl::FailedPreconditionError("this is no terminal; --once prints the fleet once, without one");
  }
  SCREEN* terminal = newterm(nullptr, stdout, stdin);
  if (terminal == nullptr) {
    return absl::FailedPreconditionError("ncurses does not know this terminal; set TERM, or use --once");
  }
  std::unique_ptr<Screen> screen(new Screen(terminal));
  set_term(terminal);
  cbreak();
  noecho();
  nonl();
  keypad(stdscr, true);
  set_escdelay(25);
  curs_set(0);
  if (WantsColours() && has_colors() && start_color() == OK) {
    use_default_colors();
    init_pair(kWarningColours, COLOR_YELLOW, -1);
    init_pair(kErrorColours, COLOR_RED, -1);
    init_pair(kQuietColours, COLOR_CYAN, -1);
    screen->colours_ = true;
  }
  return screen;
}

Screen::~Screen() {
  endwin();
  delscreen(static_cast<SCREEN*>(terminal_));
}

int Screen::width() const {
  return getmaxx(stdscr);
}

int Screen::height() const {
  return getmaxy(stdscr);
}

void Screen::Draw(const std::vector<FrameLine>& frame) {
  werase(stdscr);
  for (std::size_t y = 0; y < frame.size(); ++y) {
    wmove(stdscr, static_cast<int>(y), 0);
    for (const Span& span : frame[y]) {
      wattrset(stdscr, static_cast<int>(Attributes(span.style, colours_)));
      waddnstr(stdscr, span.text.data(), static_cast<int>(span.text.size()));
    }
  }
  wattrset(stdscr, A_NORMAL);
  wrefresh(stdscr);
}

Screen::Event Screen::Await(std::chrono::milliseconds time) {
  Event event;
  wtimeout(stdscr, static_cast<int>(time.count()));
  wint_t key = 0;
  errno = 0;
  const int kind = wget_wch(stdscr, &key);
  if (kind == ERR) {
    event.ended = errno == EIO || (errno != EINTR && isatty(STDIN_FILENO) == 0);
  } else if (kind == KEY_CODE_YES && key == KEY_RESIZE) {
    event.resized = true;
  } else {
    event.press = kind == KEY_CODE_YES ? Function(key) : Character(static_cast<wchar_t>(key));
  }
  return event;
}

}  // namespace edl
