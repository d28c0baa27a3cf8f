// SPDX-License-Identifier: Apache-2.0
#include "edl/torch/device_prefetch.h"

#include <c10/core/Event.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <chrono>
#include <stdexcept>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "edl/torch/tensor.h"
#include "src/base/mutex.h"
#include "src/base/status.h"
#include "src/base/thread.h"
#include "src/torch/torch_error.h"

namespace edl {
namespace {

// While the student's thread waits, so often: is its device still at work? An event knows no wait that has an end, or
// that a batch ends.
constexpr std::chrono::milliseconds kLookAtDevice{1};

// With its index.
absl::StatusOr<torch::Device> FindDevice(torch::Device device) {
  if (device.is_cpu()) return device;
  const bool known = c10::impl::hasDeviceGuardImpl(device.type());
  const int count = known ? c10::impl::VirtualGuardImpl(device.type()).deviceCount() : 0;
  if (count == 0 || device.index() >= count) {
    return absl::FailedPreconditionError(
        absl::StrCat("device '", device.str(), "': this libtorch finds ", count, " of that kind on this machine"));
  }
  if (device.has_index()) return device;
  return c10::impl::VirtualGuardImpl(device.type()).getDevice();
}

// A batch whose copies were begun.
struct Transfer {
  DeviceBatch batch;
  std::optional<c10::Event> copied;  // empty on the CPU
};

// Begins copies on a stream beside the student's, and has the student's wait for them. c10's generic streams and events
// are CUDA's where libtorch has CUDA, so that this file needs none of its headers.
class Copier {
 public:
  explicit Copier(torch::Device device) : device_(device) {
    if (!device.is_cpu()) side_.emplace(Guard().getStreamFromGlobalPool(device));
  }

  absl::StatusOr<Transfer> Begin(const DistilledBatch& batch) const {
    if (!batch.samples.empty()) {
      return absl::InvalidArgumentError(
          "DevicePrefetch takes batches or samples, but the source gives sample lists; give it a FromBatches");
    }
    Transfer transfer;
    transfer.batch = {batch.epoch, batch.batch_seq, batch.rows, {}, {}, batch.names};
    if (side_) {
      const c10::StreamGuard guard(*side_);
      EDL_RETURN_IF_ERROR(BeginAll(batch, transfer.batch));
      transfer.copied.emplace(device_.type()).record(*side_);
    } else {
      EDL_RETURN_IF_ERROR(BeginAll(batch, transfer.batch));
    }
    return transfer;
  }

  // Of all that is on the student's stream until now; empty on the CPU, where it is done.
  std::optional<c10::Event> WorkAsked() const {
    std::optional<c10::Event> asked;
    if (side_) asked.emplace(device_.type()).record(Guard().getStream(device_));
    return asked;
  }

  // On the student's thread, whose current stream it is.
  DeviceBatch Finish(Transfer transfer) const {
    if (!transfer.copied) return std::move(transfer.batch);
    const c10::Stream student = Guard().getStream(device_);
    transfer.copied->block(student);
    // The memory is the side stream's: it is not to be used again before the student's is done with it.
    for (const auto* tensors : {&transfer.batch.fields, &transfer.batch.predictions}) {
      for (const torch::Tensor& tensor : *tensors) tensor.record_stream(student);
    }
    return std::move(transfer.batch);
  }

 private:
  c10::impl::VirtualGuardImpl Guard() const { return c10::impl::VirtualGuardImpl(device_.type()); }

  absl::Status BeginAll(const DistilledBatch& batch, DeviceBatch& copies) const {
    for (std::size_t i = 0; i < batch.fields.size() + batch.predictions.size(); ++i) {
      const bool field = i < batch.fields.size();
      absl::StatusOr<torch::Tensor> tensor =
          ToTorch(field ? batch.fields[i] : batch.predictions[i - batch.fields.size()]);
      if (!tensor.ok()) return Annotate(tensor.status(), absl::StrCat("'", (*batch.names)[i], "'"));
      // From memory that is not pinned, the copy would be one that this thread, and the stream, wait for.
      if (side_) *tensor = tensor->pin_memory().to(device_, /*non_blocking=*/true);
      (field ? copies.fields : copies.predictions).push_back(*std::move(tensor));
    }
    return absl::OkStatus();
  }

  const torch::Device device_;
  std::optional<c10::Stream> side_;  // set by the constructor; empty on the CPU
};

class DevicePrefetchImpl final : public DevicePrefetch {
 public:
  DevicePrefetchImpl(std::unique_ptr<DistillReader> reader, torch::Device device)
      : copier_(device), reader_(std::move(reader)) {
    reader_->NoteStudent(DistillReader::StudentState::kWorks);
    thread_ = Thread("edl-prefetch", [this] { Run(); });
  }

  // In order: (1) what the thread waits for is cancelled, (2) it is told to end, (3) and has ended; then the reader.
  ~DevicePrefetchImpl() override {
    Shutdown();
    {
      MutexLock lock(mu_);
      stopped_ = true;
      changed_.NotifyAll();
    }
    thread_.Join();
  }

  absl::StatusOr<std::optional<DeviceBatch>> Next() override;
  void LeaveEpoch() override;
  void Shutdown() override { reader_->Shutdown(); }
  const DistillReader& reader() const override { return *reader_; }

 private:
  using Item = absl::StatusOr<std::optional<Transfer>>;  // nullopt is the end of an epoch

  void Run();
  Item Read();
  Item TakeItem();
  void AwaitReady() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const Copier copier_;
  // The thread's while reading_, else the student's; NoteStudent is the student's always.
  const std::unique_ptr<DistillReader> reader_;

  Mutex mu_;
  CondVar changed_;
  bool reading_ ABSL_GUARDED_BY(mu_) = false;  // set by the student, cleared by the thread with what it has read
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
  std::optional<Item> ready_ ABSL_GUARDED_BY(mu_);  // empty while reading_

  absl::Status sticky_;  // the student's thread alone
  Thread thread_;        // started when all of the above stands
};

DevicePrefetchImpl::Item DevicePrefetchImpl::Read() {
  return TorchGuarded(absl::StatusCode::kInternal, [&]() -> Item {
    EDL_ASSIGN_OR_RETURN(const std::optional<DistilledBatch> batch, reader_->Next());
    if (!batch) return std::optional<Transfer>();
    EDL_ASSIGN_OR_RETURN(Transfer transfer, copier_.Begin(*batch));
    return std::optional<Transfer>(std::move(transfer));
  });
}

void DevicePrefetchImpl::Run() {
  while (true) {
    {
      MutexLock lock(mu_);
      while (!reading_ && !stopped_) changed_.Wait(mu_);
      if (stopped_) return;
    }
    Item item = Read();
    MutexLock lock(mu_);
    ready_ = std::move(item);
    reading_ = false;
    changed_.NotifyAll();
  }
}

// The student's thread waits, but the student only from when its stream is through.
void DevicePrefetchImpl::AwaitReady() {
  const std::optional<c10::Event> asked = copier_.WorkAsked();
  while (!ready_ && asked && !asked->query()) {
    changed_.WaitUntil(mu_, std::chrono::steady_clock::now() + kLookAtDevice);
  }
  if (ready_) return;
  reader_->NoteStudent(DistillReader::StudentState::kWaits);
  while (!ready_) changed_.Wait(mu_);
  reader_->NoteStudent(DistillReader::StudentState::kWorks);
}

DevicePrefetchImpl::Item DevicePrefetchImpl::TakeItem() {
  MutexLock lock(mu_);
  if (!ready_) {
    reading_ = true;
    changed_.NotifyAll();
    AwaitReady();
  }
  Item item = *std::move(ready_);
  ready_.reset();
  // Behind the end of an epoch nothing is read until the student asks for it: it may be the last.
  reading_ = item.ok() && item->has_value();
  changed_.NotifyAll();
  return item;
}

absl::StatusOr<std::optional<DeviceBatch>> DevicePrefetchImpl::Next() {
  if (!sticky_.ok()) return sticky_;
  Item item = TorchGuarded(absl::StatusCode::kInternal, [this] { return TakeItem(); });
  absl::StatusOr<std::optional<DeviceBatch>> batch =
      TorchGuarded(absl::StatusCode::kInternal, [&]() -> absl::StatusOr<std::optional<DeviceBatch>> {
        if (!item.ok()) return item.status();
        if (!item->has_value()) return std::optional<DeviceBatch>();
        return std::optional<DeviceBatch>(copier_.Finish(**std::move(item)));
      });
  if (!batch.ok()) {
    sticky_ = batch.status();
    Shutdown();  // the teachers need not go on
  }
  return batch;
}

void DevicePrefetchImpl::LeaveEpoch() {
  {
    MutexLock lock(mu_);
    while (reading_) changed_.Wait(mu_);
    if (ready_ && !ready_->ok()) return;  // for the next Next()
    ready_.reset();
  }
  if (sticky_.ok()) reader_->LeaveEpoch();  // does nothing when the end of the epoch was what is dropped
}

}  // namespace

const torch::Tensor& DeviceBatch::at(const std::string& name) const {
  for (std::size_t i = 0; names != nullptr && i < names->size(); ++i) {
    if ((*names)[i] == name) return i < fields.size() ? fields[i] : predictions.at(i - fields.size());
  }
  throw std::out_of_range(
      absl::StrCat("no '", name, "' in a batch of {", names == nullptr ? "" : absl::StrJoin(*names, ", "), "}"));
}

absl::StatusOr<std::unique_ptr<DevicePrefetch>> DevicePrefetch::Create(std::unique_ptr<DistillReader> reader,
                                                                       torch::Device device) {
  if (reader == nullptr) return absl::InvalidArgumentError("reader is null; see DistillReader::Create");
  return TorchGuarded(absl::StatusCode::kFailedPrecondition, [&]() -> absl::StatusOr<std::unique_ptr<DevicePrefetch>> {
    EDL_ASSIGN_OR_RETURN(const torch::Device found, FindDevice(device));
    return std::make_unique<DevicePrefetchImpl>(std::move(reader), found);
  });
}

}  // namespace edl
