// SPDX-License-Identifier: Apache-2.0
#include "src/rpc/bearer_token.h"

#include <string>
#include <utility>

namespace edl {
namespace {

using grpc::experimental::InterceptionHookPoints;

class TokenInterceptor final : public grpc::experimental::Interceptor {
 public:
  explicit TokenInterceptor(std::shared_ptr<const SecretFile> tokens) : tokens_(std::move(tokens)) {}

  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_INITIAL_METADATA)) {
      methods->GetSendInitialMetadata()->emplace(kAuthorization, kBearer + tokens_->Get()->front());
    }
    methods->Proceed();
  }

 private:
  const std::shared_ptr<const SecretFile> tokens_;
};

class TokenInterceptors final : public grpc::experimental::ClientInterceptorFactoryInterface {
 public:
  explicit TokenInterceptors(std::shared_ptr<const SecretFile> tokens) : tokens_(std::move(tokens)) {}

  // gRPC owns it, and deletes it with the call.
  grpc::experimental::Interceptor* CreateClientInterceptor(grpc::experimental::ClientRpcInfo*) override {
    return new TokenInterceptor(tokens_);
  }

 private:
  const std::shared_ptr<const SecretFile> tokens_;
};

}  // namespace

std::vector<std::unique_ptr<grpc::experimental::ClientInterceptorFactoryInterface>> ShowToken(
    std::shared_ptr<const SecretFile> tokens) {
  std::vector<std::unique_ptr<grpc::experimental::ClientInterceptorFactoryInterface>> interceptors;
  interceptors.push_back(std::make_unique<TokenInterceptors>(std::move(tokens)));
  return interceptors;
}

}  // namespace edl
