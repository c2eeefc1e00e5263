#include "inlay/session.hpp"

#include <atomic>
#include <thread>

#include "runtime/float_mode.hpp"
#include "runtime/frame.hpp"
#include "runtime/model_state.hpp"

namespace inlay::inline v0 {
namespace {

/// How often memory is laid out for the same input shapes: inner shapes that depend on values may
/// never settle.
constexpr int most_layouts = 4;

/// Fails unless `value` is what the model's input takes.
void check_input(const Model::Port& port, const Value& value) {
  const auto fail = [&](ErrorCode code, const std::string& message) {
    throw Error(code, message, {.tensor = port.name});
  };
  const Type& type = port.type;
  if (type.kind == Type::Kind::optional && !value.has_value()) return;
  const Type& wanted = type.kind == Type::Kind::optional && type.element ? *type.element : type;
  if (wanted.kind == Type::Kind::sequence) {
    if (!value.is_sequence()) fail(ErrorCode::type_mismatch, "the input takes a sequence");
    return;
  }
  if (wanted.kind == Type::Kind::map) {
    if (!value.is_map()) fail(ErrorCode::type_mismatch, "the input takes a map");
    return;
  }
  if (wanted.kind != Type::Kind::tensor) return;
  if (!value.is_tensor()) fail(ErrorCode::type_mismatch, "the input takes a tensor");
  const Tensor& tensor = value.tensor();
  if (wanted.dtype != DType::undefined && tensor.dtype() != wanted.dtype) {
    fail(ErrorCode::type_mismatch, "the input takes " + to_string(wanted) + ", not " +
                                       std::string(name(tensor.dtype())) +
                                       to_string(tensor.shape()));
  }
  if (!wanted.has_rank) return;
  bool fits = tensor.rank() == wanted.rank();
  for (int axis = 0; fits && axis < tensor.rank(); ++axis) {
    const Dim& dim = wanted.dims[static_cast<std::size_t>(axis)];
    fits = !dim.known() || dim.value == tensor.dim(axis);
  }
  if (!fits) {
    fail(ErrorCode::shape_mismatch, "the input takes " + to_string(wanted) + ", not " +
                                        std::string(name(tensor.dtype())) +
                                        to_string(tensor.shape()));
  }
}

/// Position of the port of that name. Errors: not_found, listing the names there are.
std::size_t find_port(std::span<const Model::Port> ports, std::string_view name, const char* what) {
  for (std::size_t i = 0; i < ports.size(); ++i) {
    if (ports[i].name == name) return i;
  }
  std::string known;
  for (const Model::Port& port : ports) known += (known.empty() ? "" : ", ") + port.name;
  throw Error(ErrorCode::not_found,
              std::string("the model has no such ") + what + "; it has: " + known,
              {.tensor = std::string(name)});
}

/// Pointers to the values in the order of the model's inputs.
std::vector<const Value*> by_position(const Model& model, std::span<const NamedValue> named) {
  const auto ports = model.inputs();
  std::vector<const Value*> values(ports.size(), nullptr);
  for (const auto& [name, value] : named) {
    const Value*& slot = values[find_port(ports, name, "input")];
    if (slot != nullptr) {
      throw Error(ErrorCode::invalid_argument, "the input is given twice",
                  {.tensor = std::string(name)});
    }
    slot = &value;
  }
  for (std::size_t i = 0; i < ports.size(); ++i) {
    if (values[i] == nullptr) {
      static const Value none;
      if (ports[i].type.kind != Type::Kind::optional) {
        throw Error(ErrorCode::not_found, "the input is not given", {.tensor = ports[i].name});
      }
      values[i] = &none;
    }
  }
  return values;
}

}  // namespace

const Value& Outputs::value(std::size_t i) const {
  if (i >= values_.size()) {
    throw Error(ErrorCode::not_found, "there is no output number " + std::to_string(i));
  }
  return values_[i];
}

const Value& Outputs::value(std::string_view output) const {
  if (!model_) throw Error(ErrorCode::not_found, "these outputs are empty");
  return values_[find_port(model_->outputs(), output, "output")];
}

struct Session::Impl {
  Impl(Model m, SessionOptions o)
      : model(std::move(m)),
        options(std::move(o)),
        executor(options.executor ? options.executor : thread_pool(options.threads)),
        frame(*model.state().plan, *executor, options.profile) {}
  ~Impl() { join(); }

  void join() {
    if (worker.joinable()) worker.join();
  }

  /// Marks the session as busy, and computes as its options say; a second call at the same time is
  /// refused.
  class Turn {
   public:
    explicit Turn(Impl& impl)
        : impl_(impl),
          float_mode_(impl.options.flush_subnormals ? float_mode() | subnormals_as_zero
                                                    : float_mode()) {
      if (impl_.busy.exchange(true, std::memory_order_acquire)) {
        throw Error(ErrorCode::invalid_argument,
                    "the session is running on another thread; make one session per thread");
      }
    }
    ~Turn() { impl_.busy.store(false, std::memory_order_release); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    Impl& impl_;
    ScopedFloatMode float_mode_;
  };

  Outputs run(std::span<const Value* const> inputs, const CancelToken& cancel) {
    const Turn turn(*this);
    const auto ports = model.inputs();
    if (inputs.size() != ports.size()) {
      throw Error(ErrorCode::invalid_argument, "the model takes " + std::to_string(ports.size()) +
                                                   " inputs, not " + std::to_string(inputs.size()));
    }
    for (std::size_t i = 0; i < ports.size(); ++i) check_input(ports[i], *inputs[i]);
    remember_shapes(inputs);
    if (same_shapes && frame.saw_unplanned() && layouts_left > 0) {
      --layouts_left;
      frame.plan_observed();
    }
    std::vector<Value> outputs(model.outputs().size());
    frame.run(inputs, outputs, cancel);
    return Outputs(model, std::move(outputs));
  }

  /// Memory is laid out anew only for shapes that come twice in a row.
  void remember_shapes(std::span<const Value* const> inputs) {
    same_shapes = shapes.size() == inputs.size();
    shapes.resize(inputs.size());
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const Shape shape = inputs[i]->is_tensor() ? inputs[i]->tensor().shape() : Shape{};
      same_shapes = same_shapes && shapes[i] == shape;
      shapes[i] = shape;
    }
    if (!same_shapes) layouts_left = most_layouts;
  }

  Model model;
  SessionOptions options;
  std::shared_ptr<Executor> executor;
  Frame frame;
  std::vector<Shape> shapes;
  bool same_shapes = false;
  int layouts_left = most_layouts;
  std::atomic<bool> busy = false;
  std::thread worker;
};

Session::Session(Model model, SessionOptions options)
    : impl_(std::make_unique<Impl>(std::move(model), std::move(options))) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

Result<Session> Session::try_create(Model model, SessionOptions options) noexcept {
  return try_call([&] { return Session(std::move(model), std::move(options)); });
}

const Model& Session::model() const noexcept { return impl_->model; }

Outputs Session::run(std::initializer_list<NamedValue> inputs, CancelToken cancel) {
  return run(std::span<const NamedValue>(inputs.begin(), inputs.size()), std::move(cancel));
}

Outputs Session::run(std::span<const NamedValue> inputs, CancelToken cancel) {
  return impl_->run(by_position(impl_->model, inputs), cancel);
}

Outputs Session::run(std::span<const Value> inputs, CancelToken cancel) {
  std::vector<const Value*> values;
  for (const Value& value : inputs) values.push_back(&value);
  return impl_->run(values, cancel);
}

Result<Outputs> Session::try_run(std::span<const NamedValue> inputs, CancelToken cancel) noexcept {
  return try_call([&] { return run(inputs, std::move(cancel)); });
}

Result<Outputs> Session::try_run(std::span<const Value> inputs, CancelToken cancel) noexcept {
  return try_call([&] { return run(inputs, std::move(cancel)); });
}

void Session::run_async(std::vector<std::pair<std::string, Value>> inputs,
                        std::function<void(Result<Outputs>)> done, CancelToken cancel) {
  impl_->join();
  impl_->worker = std::thread([impl = impl_.get(), inputs = std::move(inputs),
                               done = std::move(done), cancel = std::move(cancel)] {
    done(try_call([&] {
      const std::vector<NamedValue> named(inputs.begin(), inputs.end());
      return impl->run(by_position(impl->model, named), cancel);
    }));
  });
}

SessionMemory Session::memory() const noexcept { return impl_->frame.memory(); }

struct BoundRun::Impl {
  Session::Impl* session = nullptr;
  std::vector<Value> inputs;
  std::vector<const Value*> input_pointers;
  std::vector<Value> outputs;
  std::vector<std::uint8_t> fixed;
  int layouts_left = most_layouts;
};

BoundRun::BoundRun(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
BoundRun::BoundRun(BoundRun&&) noexcept = default;
BoundRun& BoundRun::operator=(BoundRun&&) noexcept = default;
BoundRun::~BoundRun() = default;

BoundRun Session::bind(std::initializer_list<NamedValue> inputs,
                       std::initializer_list<NamedValue> outputs) {
  return bind(std::span<const NamedValue>(inputs.begin(), inputs.size()),
              std::span<const NamedValue>(outputs.begin(), outputs.size()));
}

BoundRun Session::bind(std::span<const NamedValue> inputs, std::span<const NamedValue> outputs) {
  auto bound = std::make_unique<BoundRun::Impl>();
  bound->session = impl_.get();
  const auto ports = impl_->model.inputs();
  const auto given = by_position(impl_->model, inputs);
  for (std::size_t i = 0; i < ports.size(); ++i) {
    check_input(ports[i], *given[i]);
    bound->inputs.push_back(*given[i]);
  }
  for (const Value& value : bound->inputs) bound->input_pointers.push_back(&value);
  const auto output_ports = impl_->model.outputs();
  bound->outputs.resize(output_ports.size());
  bound->fixed.resize(output_ports.size(), 0);
  for (const auto& [name, value] : outputs) {
    const std::size_t i = find_port(output_ports, name, "output");
    if (!value.is_tensor() || !value.tensor().writable()) {
      throw Error(ErrorCode::invalid_argument, "an output needs a tensor that can be written",
                  {.tensor = std::string(name)});
    }
    check_input(output_ports[i], value);
    bound->outputs[i] = value;
    bound->fixed[i] = 1;
  }
  return BoundRun(std::move(bound));
}

void BoundRun::run(CancelToken cancel) {
  Session::Impl& session = *impl_->session;
  const Session::Impl::Turn turn(session);
  session.frame.run(impl_->input_pointers, impl_->outputs, cancel, impl_->fixed);
  if (session.frame.saw_unplanned() && impl_->layouts_left > 0) {
    --impl_->layouts_left;
    session.frame.plan_observed();
  }
}

Result<void> BoundRun::try_run(CancelToken cancel) noexcept {
  return try_call([&] { run(std::move(cancel)); });
}

const Value& BoundRun::output(std::size_t i) const {
  if (i >= impl_->outputs.size()) {
    throw Error(ErrorCode::not_found, "there is no output number " + std::to_string(i));
  }
  return impl_->outputs[i];
}

const Value& BoundRun::output(std::string_view output_name) const {
  return impl_->outputs[find_port(impl_->session->model.outputs(), output_name, "output")];
}

}  // namespace inlay::inline v0
