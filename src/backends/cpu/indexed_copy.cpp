// Gather and ScatterND whose indices are constant: what they move is known when the model is
// loaded.
#include <cstring>

#include "backends/cpu/glue.hpp"
#include "backends/reference/dispatch.hpp"
#include "backends/reference/iterate.hpp"

namespace inlay::inline v0::cpu {
namespace {

/// Elements that lie side by side in the output, and `step` apart where they come from.
struct Run {
  std::int64_t to, from, step, count;
};

class Runs {
 public:
  void add(std::int64_t to, std::int64_t from, std::int64_t count) {
    if (!runs_.empty()) {
      Run& last = runs_.back();
      const std::int64_t step = from - last.from - (last.count - 1) * last.step;
      const bool next = to == last.to + last.count;
      if (next && last.step == 1 && step == 1) {
        last.count += count;
        return;
      }
      if (next && count == 1 && step > 0 && (last.count == 1 || last.step == step)) {
        last.step = step;
        ++last.count;
        return;
      }
    }
    runs_.push_back({to, from, 1, count});
  }
  std::span<const Run> all() const { return runs_; }
  std::size_t bytes() const { return runs_.size() * sizeof(Run); }

 private:
  std::vector<Run> runs_;
};

/// The constant indices, counted from the start. Empty when one is outside of its axis;
/// dim_of(position among the indices) is that axis' size.
template <class DimOf>
std::optional<std::vector<std::int64_t>> read_indices(const Tensor& tensor, const DimOf& dim_of) {
  std::vector<std::int64_t> indices(to_size(tensor.size()));
  for (std::size_t i = 0; i < indices.size(); ++i) {
    indices[i] = tensor.dtype() == DType::int64 ? tensor.as<std::int64_t>()[i]
                                                : tensor.as<std::int32_t>()[i];
    const std::int64_t dim = dim_of(i);
    if (indices[i] < -dim || indices[i] >= dim) return std::nullopt;
    if (indices[i] < 0) indices[i] += dim;
  }
  return indices;
}

/// What a node moves; nothing when that is not known before it runs.
struct Moves {
  Shape data, updates, output;
  Runs runs;
};

std::optional<Moves> gather_moves(const CompileContext& context) {
  Moves moves;
  moves.data = *context.input_type(0).static_shape();
  const Tensor& at = *context.constant(1);
  const int axis = normalize_axis(context.node.attributes.integer("axis", 0), moves.data.rank());
  const kernels::AxisSplit parts = kernels::split_axis(moves.data, axis);
  const auto indices = read_indices(at, [&](std::size_t) { return parts.axis; });
  if (!indices) return std::nullopt;
  for (int i = 0; i < axis; ++i) moves.output.push_back(moves.data[i]);
  for (const std::int64_t dim : at.shape()) moves.output.push_back(dim);
  for (int i = axis + 1; i < moves.data.rank(); ++i) moves.output.push_back(moves.data[i]);
  std::int64_t to = 0;
  for (std::int64_t outer = 0; outer < parts.outer; ++outer) {
    for (const std::int64_t index : *indices) {
      moves.runs.add(to, (outer * parts.axis + index) * parts.inner, parts.inner);
      to += parts.inner;
    }
  }
  return moves;
}

std::optional<Moves> scatter_moves(const CompileContext& context) {
  Moves moves;
  moves.data = moves.output = *context.input_type(0).static_shape();
  const Tensor& at = *context.constant(1);
  const int depth = at.rank() > 0 ? static_cast<int>(at.shape().back()) : 0;
  if (at.rank() == 0 || depth < 1 || depth > moves.data.rank()) return std::nullopt;
  const auto indices = read_indices(
      at, [&](std::size_t i) { return moves.data[static_cast<int>(i % to_size(depth))]; });
  if (!indices) return std::nullopt;
  for (int i = 0; i + 1 < at.rank(); ++i) moves.updates.push_back(at.dim(i));
  for (int i = depth; i < moves.data.rank(); ++i) moves.updates.push_back(moves.data[i]);
  const kernels::Strides strides = kernels::dense_strides(moves.data);
  const std::int64_t slice = moves.data.product(depth, moves.data.rank());
  std::int64_t from = 0;
  for (std::size_t i = 0; i < indices->size(); i += to_size(depth), from += slice) {
    std::int64_t to = 0;
    for (std::size_t axis = 0; axis < to_size(depth); ++axis) {
      to += (*indices)[i + axis] * strides[axis];
    }
    moves.runs.add(to, from, slice);
  }
  return moves;
}

/// Also empty when copying piece by piece would gain nothing.
std::optional<Moves> moves_of(const CompileContext& context) {
  constexpr std::int64_t most = 1 << 16, least_per_run = 4;  // elements, and those of a run
  const Node& node = context.node;
  const Tensor* indices = context.constant(1);
  const auto shape = context.input_type(0).static_shape();
  if (indices == nullptr || !shape || shape->empty() || shape->elements() > most ||
      shape->elements() == 0 || indices->size() > most || indices->size() == 0) {
    return std::nullopt;
  }
  auto moves = node.op == "Gather" ? gather_moves(context) : scatter_moves(context);
  if (!moves || moves->output.elements() > most) return std::nullopt;
  const std::int64_t moved =
      node.op == "Gather" ? moves->output.elements() : moves->updates.elements();
  if (std::ssize(moves->runs.all()) * least_per_run > moved + least_per_run) return std::nullopt;
  return moves;
}

template <std::size_t size>
void copy_runs(std::span<const Run> runs, const void* from, void* to) {
  using Element = kernels::Bytes<size>;
  const auto* source = static_cast<const Element*>(from);
  auto* target = static_cast<Element*>(to);
  for (const Run& run : runs) {
    if (run.step == 1) {
      std::memcpy(target + run.to, source + run.from, to_size(run.count) * size);
      continue;
    }
    for (std::int64_t i = 0; i < run.count; ++i) {
      target[run.to + i] = source[run.from + i * run.step];
    }
  }
}

class IndexedCopyKernel final : public Kernel {
 public:
  IndexedCopyKernel(const CompileContext& context, const KernelTable&)
      : moves_(*moves_of(context)), scatters_(context.node.op == "ScatterND") {}

  std::size_t packed_bytes() const noexcept override { return moves_.runs.bytes(); }

  void run(KernelContext& context) const override {
    const Tensor& data = context.input(0);
    const Tensor& source = scatters_ ? context.input(2) : data;
    if (!(data.shape() == moves_.data) || (scatters_ && !(source.shape() == moves_.updates))) {
      context.fail(ErrorCode::shape_mismatch, "the data or the updates do not fit the indices");
    }
    Tensor& output = context.output(0, moves_.output);
    void* const to = output.mutable_data();
    if (scatters_) std::memcpy(to, data.data(), data.bytes());
    switch (bit_width(data.dtype())) {
      case 8:
        return copy_runs<1>(moves_.runs.all(), source.data(), to);
      case 16:
        return copy_runs<2>(moves_.runs.all(), source.data(), to);
      case 32:
        return copy_runs<4>(moves_.runs.all(), source.data(), to);
      default:
        return copy_runs<8>(moves_.runs.all(), source.data(), to);
    }
  }

 private:
  Moves moves_;
  bool scatters_;
};

Support supports_indexed_copy(const CompileContext& context) {
  const DType dtype = context.dtype(0);
  const int bits = bit_width(dtype);
  if (dtype == DType::string || bits < 8 || bits > 64) return unsupported("an unusual dtype");
  if (context.node.attributes.text("reduction", "none") != "none") return unsupported("reduces");
  if (context.node.op == "ScatterND" && context.dtype(2) != dtype) {
    return unsupported("updates of another dtype");
  }
  if (!moves_of(context)) return unsupported("indices that are not known");
  return {true, "copies runs"};
}

}  // namespace

std::vector<CpuOp> indexed_copy_ops() {
  return {cpu_op("", "Gather", supports_indexed_copy, compile_as<IndexedCopyKernel>),
          cpu_op("", "ScatterND", supports_indexed_copy, compile_as<IndexedCopyKernel>)};
}

}  // namespace inlay::inline v0::cpu
