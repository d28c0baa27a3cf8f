// SPDX-License-Identifier: Apache-2.0
#include "examples/resnet50_vd/jpeg.h"

#include <csetjmp>
#include <cstddef>
#include <cstdio>  // jpeglib.h wants size_t and FILE
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "jerror.h"
#include "jpeglib.h"

namespace resnet {
namespace {

// Encoders write some ten. Each costs a pass over the whole image, and a small file can hold tens of thousands.
constexpr int kMostScans = 100;

// libjpeg's error manager, but it leaves by longjmp where libjpeg's own would end the process.
struct ErrorManager {
  jpeg_error_mgr base;  // first: libjpeg knows no more than this
  std::jmp_buf leave;
  char message[JMSG_LENGTH_MAX];
};

[[noreturn]] void Leave(j_common_ptr info) {
  auto* errors = reinterpret_cast<ErrorManager*>(info->err);
  errors->base.format_message(info, errors->message);
  std::longjmp(errors->leave, 1);
}

// After a warning libjpeg goes on with gray for what is lost: no picture to learn from. Three warnings are about
// nothing that is lost; ImageNet has files with them.
void OnMessage(j_common_ptr info, int level) {
  if (level >= 0) return;  // a trace
  const int code = info->err->msg_code;
  if (code != JWRN_EXTRANEOUS_DATA && code != JWRN_JFIF_MAJOR && code != JWRN_ADOBE_XFORM) Leave(info);
}

void PrintNothing(j_common_ptr) {}

void OnProgress(j_common_ptr info) {
  if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number <= kMostScans) return;
  auto* errors = reinterpret_cast<ErrorManager*>(info->err);
  std::snprintf(errors->message, sizeof errors->message, "more than %d scans", kMostScans);
  std::longjmp(errors->leave, 1);
}

// One pass over a file. Each step that calls libjpeg begins with setjmp, returns false when libjpeg leaves it, and
// holds nothing with a destructor, which longjmp would pass over. After a false only error() and the destructor follow.
class JpegReader {
 public:
  JpegReader() {
    info_.err = jpeg_std_error(&errors_.base);
    errors_.base.error_exit = Leave;
    errors_.base.emit_message = OnMessage;
    errors_.base.output_message = PrintNothing;
    progress_.progress_monitor = OnProgress;
  }
  ~JpegReader() { jpeg_destroy_decompress(&info_); }  // also when it was never created
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;

  bool ReadHeader(std::string_view bytes) {
    if (setjmp(errors_.leave) != 0) return false;
    jpeg_create_decompress(&info_);
    info_.progress = &progress_;
    jpeg_mem_src(&info_, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
    jpeg_read_header(&info_, TRUE);
    return true;
  }

  // False also when there are no colours that we could make RGB of.
  bool Start(int reduction) {
    if (setjmp(errors_.leave) != 0) return false;
    // libjpeg turns YCCK into CMYK, grayscale and YCbCr into RGB, and CMYK into nothing else.
    cmyk_ = info_.jpeg_color_space == JCS_CMYK || info_.jpeg_color_space == JCS_YCCK;
    info_.out_color_space = cmyk_ ? JCS_CMYK : JCS_RGB;
    info_.scale_num = 1;
    info_.scale_denom = static_cast<unsigned>(reduction);
    jpeg_start_decompress(&info_);
    return true;
  }

  // `pixels`: room for output_size(). `row`: scratch for one row of CMYK.
  bool ReadRows(std::uint8_t* pixels, std::uint8_t* row) {
    if (setjmp(errors_.leave) != 0) return false;
    while (info_.output_scanline < info_.output_height) {
      std::uint8_t* rgb = pixels + std::size_t{info_.output_scanline} * info_.output_width * 3;
      JSAMPROW destination = cmyk_ ? row : rgb;
      jpeg_read_scanlines(&info_, &destination, 1);
      if (cmyk_) CmykToRgb(row, rgb);
    }
    jpeg_finish_decompress(&info_);  // reads on to the end of the image, and so finds one that is missing
    return true;
  }

  ImageSize size() const { return {static_cast<int>(info_.image_width), static_cast<int>(info_.image_height)}; }
  ImageSize output_size() const {
    return {static_cast<int>(info_.output_width), static_cast<int>(info_.output_height)};
  }
  absl::Status error() const {
    return absl::DataLossError(absl::StrCat("is a JPEG that cannot be decoded: ", std::string(errors_.message)));
  }

 private:
  // Adobe's programs store 255 minus the ink and say so by their marker; all that is known to be stored otherwise has
  // no such marker.
  void CmykToRgb(const std::uint8_t* cmyk, std::uint8_t* rgb) const {
    const unsigned inverse = info_.saw_Adobe_marker ? 0 : 255;
    for (JDIMENSION x = 0; x < info_.output_width; ++x, cmyk += 4) {
      const unsigned paper = cmyk[3] ^ inverse;  // what black leaves; v ^ 255 is 255 - v
      for (int c = 0; c < 3; ++c) *rgb++ = static_cast<std::uint8_t>(((cmyk[c] ^ inverse) * paper + 127) / 255);
    }
  }

  jpeg_decompress_struct info_ = {};
  ErrorManager errors_ = {};
  jpeg_progress_mgr progress_ = {};
  bool cmyk_ = false;
};

}  // namespace

absl::StatusOr<ImageSize> ReadJpegSize(std::string_view bytes) {
  JpegReader reader;
  if (!reader.ReadHeader(bytes)) return reader.error();
  return reader.size();
}

absl::Status DecodeJpeg(std::string_view bytes, int reduction, RgbImage& image) {
  JpegReader reader;
  if (!reader.ReadHeader(bytes) || !reader.Start(reduction)) return reader.error();
  image.size = reader.output_size();
  const auto width = static_cast<std::size_t>(image.size.width);
  image.pixels.resize(width * static_cast<std::size_t>(image.size.height) * 3);
  std::vector<std::uint8_t> row(width * 4);
  return reader.ReadRows(image.pixels.data(), row.data()) ? absl::OkStatus() : reader.error();
}

}  // namespace resnet
