// SPDX-License-Identifier: Apache-2.0
// write_rows_script: writes the model of tests/support/rows.h as a TorchScript file, with its sidecar beside it.
// Usage: write_rows_script FILE [other]
//   other   another model, whose soft labels are other ones
#include <torch/script.h>

#include <fstream>
#include <string>

namespace {

// Some matrices are multiplied as well, for half a millisecond or so, so that a teacher has something to do.
constexpr char kWork[] =
    "def work(self) -> int:\n"
    "    y = torch.ones([64, 64])\n"
    "    for i in range(12):\n"
    "        y = torch.mm(y, y).softmax(1)\n"
    "    return 0 * int(y.sum())\n";
constexpr char kRows[] =
    "def forward(self, x: Tensor) -> Tensor:\n"
    "    id = x[:, 0] + self.work()\n"
    "    salt = x[:, 1]\n"
    "    return torch.stack([id + salt, 3 * id - salt, torch.bitwise_xor(id, salt)], 1)\n";
constexpr char kOtherRows[] =
    "def forward(self, x: Tensor) -> Tensor:\n"
    "    return torch.stack([-x[:, 0] + self.work(), -x[:, 1], -x[:, 0]], 1)\n";
constexpr char kSidecar[] = R"({"name": "rows",
  "inputs": [{"name": "x", "datatype": "INT64", "shape": [-1, 2]}],
  "outputs": [{"name": "score", "datatype": "INT64", "shape": [-1, 3]}]}
)";

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  torch::jit::Module module("rows");
  module.define(kWork);
  module.define(argc > 2 ? kOtherRows : kRows);
  module.save(argv[1]);
  std::ofstream sidecar(std::string(argv[1]) + ".json");
  sidecar << kSidecar;
  return sidecar.good() ? 0 : 1;
}
