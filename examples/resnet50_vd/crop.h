// SPDX-License-Identifier: Apache-2.0
// Crop: the part of an image that a view shows: a random one to train on, the middle to validate on.
// Source: Szegedy et al. 2014 (Inception), section 6, as torchvision's RandomResizedCrop and CenterCrop do it.
#pragma once

#include "examples/resnet50_vd/image.h"
#include "examples/support/random.h"

namespace resnet {

// In pixels, whose edges are whole numbers: all of an image is {0, 0, width, height}. Inside of its image.
struct Crop {
  double left = 0;
  double top = 0;
  double width = 0;
  double height = 0;
  bool mirror = false;  // left and right change places

  // The same part of the image decoded at 1 / reduction of its size.
  Crop Reduced(int reduction) const;
};

// 8 % to 100 % of the area, an aspect of 3:4 to 4:3, anywhere, mirrored half of the time. After ten draws that do not
// fit: the largest part in the middle whose aspect is in those bounds.
Crop RandomCrop(const ImageSize& size, edl_examples::RandomStream& random);

// The square in the middle, its side 224/256 of the short side: what is seen of an image after scaling its short side
// to 256 and cutting out 224, whatever the size of the view.
Crop CentreCrop(const ImageSize& size);

// The largest reduction (see DecodeImage) after which the crop still has a view's pixels.
int ReductionFor(const Crop& crop, int view_side);

}  // namespace resnet
