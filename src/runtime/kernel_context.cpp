// What kernels see of the frame.
#include <atomic>
#include <exception>

#include "runtime/float_mode.hpp"
#include "runtime/frame.hpp"

namespace inlay::inline v0 {

const Node& KernelContext::node() const noexcept { return *frame_.step(step_).node; }
std::size_t KernelContext::input_count() const noexcept { return node().inputs.size(); }
std::size_t KernelContext::output_count() const noexcept { return node().outputs.size(); }
bool KernelContext::has_input(std::size_t i) const noexcept { return node().has_input(i); }
bool KernelContext::has_output(std::size_t i) const noexcept { return node().output(i) != no_id; }

const Value& KernelContext::input_value(std::size_t i) const {
  static const Value absent;
  return has_input(i) ? frame_.slot(node().inputs[i]) : absent;
}

const Tensor& KernelContext::input(std::size_t i) const {
  const Value& value = input_value(i);
  if (!value.is_tensor()) {
    fail(has_input(i) ? ErrorCode::type_mismatch : ErrorCode::invalid_argument,
         "input " + std::to_string(i) + (has_input(i) ? " is not a tensor" : " is missing"));
  }
  return value.tensor();
}

Tensor& KernelContext::output(std::size_t i, const Shape& shape) {
  const ValueId id = node().output(i);
  DType dtype = id != no_id ? frame_.plan_.graph().value(id).type.dtype : DType::undefined;
  if (dtype == DType::undefined) dtype = input(0).dtype();
  return frame_.place(step_, i, dtype, shape);
}

Tensor& KernelContext::output(std::size_t i, DType dtype, const Shape& shape) {
  return frame_.place(step_, i, dtype, shape);
}

void KernelContext::output_view(std::size_t i, std::size_t from, const Shape& shape) {
  const ValueId id = node().output(i);
  if (id == no_id) return;
  const Tensor& source = input(from);
  if (i == 0 && from == 0 && frame_.plan_.storage(id) != id) {
    frame_.slot(id) = source.reshaped(shape);
    return;
  }
  if (shape.elements() != source.size()) {
    fail(ErrorCode::shape_mismatch,
         "a tensor of shape " + to_string(source.shape()) + " cannot become " + to_string(shape));
  }
  Tensor& target = output(i, source.dtype(), shape);
  if (source.dtype() == DType::string) {
    const auto strings = source.as<std::string>();
    std::copy(strings.begin(), strings.end(), target.as_mutable<std::string>().begin());
  } else if (source.bytes() != 0) {
    std::memcpy(target.mutable_data(), source.data(), source.bytes());
  }
}

void KernelContext::set_output(std::size_t i, Value value) {
  frame_.set(step_, i, std::move(value));
}

void* KernelContext::scratch(std::size_t bytes) { return frame_.scratch_.take(bytes); }

int KernelContext::concurrency() const noexcept { return frame_.executor_.concurrency(); }

void KernelContext::parallel_for(std::int64_t count, FunctionRef<void(std::int64_t, int)> task) {
  std::atomic<bool> stop = false;
  std::atomic_flag failed = ATOMIC_FLAG_INIT;
  std::exception_ptr error;
  const CancelToken& cancel = frame_.cancel_;
  const std::uint64_t mode = float_mode();
  const auto guarded = [&](std::int64_t index, int worker) {
    if (stop.load(std::memory_order_relaxed)) return;
    if (cancel.cancelled()) {
      stop.store(true, std::memory_order_relaxed);
      return;
    }
    const ScopedFloatMode as_the_caller(mode);
    try {
      task(index, worker);
    } catch (...) {
      if (!failed.test_and_set()) error = std::current_exception();
      stop.store(true, std::memory_order_relaxed);
    }
  };
  if (count == 1) {
    guarded(0, 0);
  } else if (count > 1) {
    frame_.executor_.parallel_for(count, guarded);
  }
  if (error) std::rethrow_exception(error);
  if (stop.load(std::memory_order_relaxed)) check_cancelled();
}

void KernelContext::check_cancelled() const {
  if (frame_.cancel_.cancelled()) throw Error(ErrorCode::cancelled, "the run was cancelled");
}

void KernelContext::run_subgraph(std::size_t index, std::span<const Value> inputs,
                                 std::vector<Value>& outputs) {
  frame_.run_subgraph(step_, index, inputs, outputs);
}

std::vector<Value>& KernelContext::subgraph_outputs(std::size_t index) noexcept {
  return frame_.children_[step_][index].outputs;
}

void KernelContext::fail(ErrorCode code, const std::string& message) const {
  throw Error(code, message, {.node = node().name, .op = qualified_op(node().domain, node().op)});
}

RowWindow Kernel::row_window(const KernelContext& context, const Shape&) const {
  context.fail(ErrorCode::internal, "the kernel does not run by rows");
}

void Kernel::run_rows(KernelContext& context, const Shape&, const RowBand&, const RowBand&,
                      std::int64_t, std::int64_t, void*) const {
  context.fail(ErrorCode::internal, "the kernel does not run by rows");
}

}  // namespace inlay::inline v0
