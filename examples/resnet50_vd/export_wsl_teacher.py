#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes Facebook's ResNeXt101_32x16d, trained on a billion Instagram images, as the TorchScript file that edl-teacher
serves, and FILE.json, which describes it. Needs PyTorch and nothing else.

  export_wsl_teacher.py --output teacher.pt
  edl-teacher --model teacher.pt --device cuda:0

Students send the input `image`, uint8 RGB [rows, 3, size, size], and get the output `score`, the logits of 1000
classes. Normalisation is part of the file.

The weights (776 MB) are published for non-commercial use (CC BY-NC 4.0) by
https://github.com/facebookresearch/WSL-Images and described in Mahajan et al., "Exploring the Limits of Weakly
Supervised Pretraining", 2018. They are of a format that only Python reads; export_teacher takes most others without it.
"""
import argparse
import json
import os

import torch
from torch import nn

URL = "https://download.pytorch.org/models/ig_resnext101_32x16-c6f796b0.pth"


class Bottleneck(nn.Module):
    """Names are torchvision's, as the published weights have them."""

    def __init__(self, inputs, width, outputs, stride, groups):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, groups=groups, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        y = torch.relu(self.bn2(self.conv2(y)))
        return torch.relu(self.bn3(self.conv3(y)) + self.downsample(x))


class Teacher(nn.Module):
    """uint8 images to logits."""

    def __init__(self, depths=(3, 4, 23, 3), groups=32, width_per_group=16, classes=1000):
        super().__init__()
        mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
        self.register_buffer("scale", (1 / (255 * deviation)).view(3, 1, 1), persistent=False)
        self.register_buffer("offset", (mean / deviation).view(3, 1, 1), persistent=False)
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        inputs = 64
        for stage, depth in enumerate(depths):
            width, outputs = (groups * width_per_group) << stage, 256 << stage
            blocks = []
            for i in range(depth):
                blocks.append(Bottleneck(inputs, width, outputs, 2 if stage > 0 and i == 0 else 1, groups))
                inputs = outputs
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(inputs, classes)

    def forward(self, image):
        x = image * self.scale - self.offset
        x = self.maxpool(torch.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean([2, 3]))


def write(file, save):
    """Whole or not at all."""
    save(file + ".tmp")
    os.replace(file + ".tmp", file)


def write_text(file, text):
    with open(file, "w", encoding="utf-8") as stream:
        stream.write(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", metavar="FILE", help=f"the published weights, once downloaded [{URL}]")
    parser.add_argument("--image-size", type=int, default=224, help="pixels a side that it will serve [%(default)s]")
    parser.add_argument("--output", metavar="FILE", default="teacher.pt", help="[%(default)s]")
    flags = parser.parse_args()

    if flags.weights:
        weights = torch.load(flags.weights, map_location="cpu")
    else:
        weights = torch.hub.load_state_dict_from_url(URL, map_location="cpu")
    teacher = Teacher()
    teacher.load_state_dict(weights)
    # Freezing folds the batch normalisation into the convolutions.
    script = torch.jit.freeze(torch.jit.script(teacher.eval()))
    sidecar = {
        "name": "ResNeXt101_32x16d_wsl",
        "inputs": [{"name": "image", "datatype": "UINT8", "shape": [-1, 3, flags.image_size, flags.image_size]}],
        "outputs": [{"name": "score", "datatype": "FP32", "shape": [-1, 1000]}],
    }
    write(flags.output + ".json", lambda file: write_text(file, json.dumps(sidecar, indent=2) + "\n"))
    write(flags.output, script.save)


if __name__ == "__main__":
    main()
