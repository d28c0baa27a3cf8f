// SPDX-License-Identifier: Apache-2.0
#include "examples/resnet50_vd/mixup.h"

#include <cmath>
#include <numeric>

namespace resnet {
namespace {

constexpr double kTwoPi = 6.283185307179586;

// In (0, 1], so that it has a logarithm.
double Positive(edl_examples::RandomStream& random) {
  return 1 - random.Unit();
}

// Box and Muller 1958.
double DrawNormal(edl_examples::RandomStream& random) {
  const double radius = std::sqrt(-2 * std::log(Positive(random)));
  return radius * std::cos(kTwoPi * random.Unit());
}

// The logarithm of a draw from Gamma(alpha, 1): with a small alpha, most draws are too small for a double.
// Marsaglia and Tsang 2000; below 1 by their Gamma(a) = Gamma(a + 1) U^(1/a).
double DrawLogGamma(double alpha, edl_examples::RandomStream& random) {
  if (alpha < 1) {
    const double log_power = std::log(Positive(random)) / alpha;
    return DrawLogGamma(alpha + 1, random) + log_power;
  }
  const double d = alpha - 1.0 / 3;
  const double c = 1 / std::sqrt(9 * d);
  while (true) {
    const double x = DrawNormal(random);
    const double v = std::pow(1 + c * x, 3);
    if (v > 0 && std::log(Positive(random)) < x * x / 2 + d - d * v + d * std::log(v)) return std::log(d * v);
  }
}

// into[i] = share of into[i] and the rest of other[i].
void BlendOne(int share, const std::uint8_t* other, std::size_t bytes, std::uint8_t* into) {
  const auto own = static_cast<unsigned>(share);
  const unsigned others = Mix::kWhole - own;
  for (std::size_t i = 0; i < bytes; ++i) {
    into[i] = static_cast<std::uint8_t>((into[i] * own + other[i] * others + Mix::kWhole / 2) / Mix::kWhole);
  }
}

}  // namespace

double DrawBeta(double alpha, edl_examples::RandomStream& random) {
  const double a = DrawLogGamma(alpha, random);
  const double b = DrawLogGamma(alpha, random);
  return 1 / (1 + std::exp(b - a));
}

Mix DrawMix(std::int64_t rows, double alpha, edl_examples::RandomStream& random) {
  Mix mix;
  mix.share = static_cast<int>(std::lround(DrawBeta(alpha, random) * Mix::kWhole));
  mix.partner.resize(static_cast<std::size_t>(rows));
  std::iota(mix.partner.begin(), mix.partner.end(), std::int64_t{0});
  edl_examples::Shuffle(mix.partner, random);
  return mix;
}

void Blend(const Mix& mix, std::size_t image_bytes, std::uint8_t* images) {
  if (mix.share == Mix::kWhole) return;
  const auto image = [&](std::int64_t row) { return images + static_cast<std::size_t>(row) * image_bytes; };
  std::vector<bool> done(mix.partner.size(), false);
  std::vector<std::uint8_t> first;
  // Along each cycle of the permutation every image is blended before its partner is: only the cycle's first one is
  // still needed after it has been overwritten.
  for (std::size_t start = 0; start < done.size(); ++start) {
    if (done[start]) continue;
    const auto begin = static_cast<std::int64_t>(start);
    first.assign(image(begin), image(begin) + image_bytes);
    for (std::int64_t row = begin; !done[static_cast<std::size_t>(row)];) {
      done[static_cast<std::size_t>(row)] = true;
      const std::int64_t partner = mix.partner[static_cast<std::size_t>(row)];
      BlendOne(mix.share, partner == begin ? first.data() : image(partner), image_bytes, image(row));
      row = partner;
    }
  }
}

}  // namespace resnet
