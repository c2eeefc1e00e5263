// Session::run_async with a future.
#include <chrono>
#include <future>

#include "inlay/session.hpp"

namespace inlay::inline v0 {

struct FutureOutputs::Impl {
  std::future<Result<Outputs>> future;
};

FutureOutputs::FutureOutputs(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
FutureOutputs::FutureOutputs(FutureOutputs&&) noexcept = default;
FutureOutputs& FutureOutputs::operator=(FutureOutputs&&) noexcept = default;
FutureOutputs::~FutureOutputs() = default;

bool FutureOutputs::ready() const {
  return !impl_->future.valid() ||
         impl_->future.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

void FutureOutputs::wait() const {
  if (impl_->future.valid()) impl_->future.wait();
}

Outputs FutureOutputs::get() {
  if (!impl_->future.valid()) {
    throw Error(ErrorCode::invalid_argument, "the outputs were handed over before");
  }
  return impl_->future.get().value();
}

Result<Outputs> FutureOutputs::try_get() noexcept {
  return try_call([&] { return get(); });
}

FutureOutputs Session::run_async(std::vector<std::pair<std::string, Value>> inputs,
                                 CancelToken cancel) {
  auto promise = std::make_shared<std::promise<Result<Outputs>>>();
  auto impl = std::make_unique<FutureOutputs::Impl>();
  impl->future = promise->get_future();
  run_async(
      std::move(inputs),
      [promise](Result<Outputs> result) { promise->set_value(std::move(result)); },
      std::move(cancel));
  return FutureOutputs(std::move(impl));
}

}  // namespace inlay::inline v0
