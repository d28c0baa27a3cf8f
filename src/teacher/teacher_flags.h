// SPDX-License-Identifier: Apache-2.0
// TeacherFlags: edl-teacher's command line.
// Errors: a flag that makes no sense ends in CLI11's message; a model that nobody described, or a registry that makes
//         no sense, in that of the function that describes it.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "edl/model.h"
#include "src/registry/lease_keeper.h"
#include "src/teacher/server.h"

namespace edl {

struct TeacherFlags {
  // The model.
  std::string model;    // a TorchScript file
  std::string sidecar;  // empty: `model` + ".json"
  std::string name;     // empty: the sidecar's, else the file's
  std::string version;  // empty: the sidecar's, else the file's fingerprint
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  bool self_check = true;

  // Where it computes.
  std::string device = "cpu";
  int threads = 0;  // of one forward pass; 0: libtorch's choice, shared out among the instances

  // Where it listens.
  std::string host = "0.0.0.0";
  int port = 9898;
  std::vector<std::string> listen;  // in place of host and port
  double max_batch_delay_ms = -1;   // negative: no dynamic batching
  double max_wait_s = 30;
  double connection_age_s = 600;
  double connection_grace_s = 60;
  bool allow_shared_memory = false;
  TeacherServerOptions server;
  int http_port = -1;     // of /metrics, /healthz and /readyz; negative: none
  std::string http_host;  // empty: see PagesHost

  // Whom it tells; nobody when `redis` is empty.
  std::string redis;
  std::string service;
  std::string advertise;  // empty: see advertised_endpoint.h
  std::string info;
  int weight = 1;
  double hang_timeout_s = 60;

  double drain_timeout_s = 30;
  std::string log_level = "info";

  void AddTo(CLI::App& app);

  // The sidecar, and what the flags say over it.
  absl::StatusOr<ModelInfo> DescribeModel() const;
  TeacherServerOptions ServerOptions() const;
  // Where /metrics and the others are: `http_host`, else the first host that it listens on, else this machine.
  std::string PagesHost() const;
  // What stands before an address of the server where students are told of it: "grpcs://" with TLS, else "".
  std::string Scheme() const;
  // For a server that listens there and serves that model.
  absl::StatusOr<LeaseOptions> DescribeLease(const std::vector<std::string>& listening,
                                             const std::string& model_name) const;
  // What DescribeLease will say, but before there is a server, whose ports may be the system's choice.
  absl::Status CheckLease() const;
};

}  // namespace edl
