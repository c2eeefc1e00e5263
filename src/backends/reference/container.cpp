// Sequences and optionals.
#include "backends/reference/arguments.hpp"
#include "backends/reference/parts.hpp"
#include "backends/reference/reference.hpp"

namespace inlay::inline v0 {
namespace kernels {
namespace {

/// Input `i`, an index into `size` elements, as 0..size-1; the absent one is `fallback`.
std::int64_t position(const KernelContext& context, std::size_t i, std::int64_t size,
                      std::int64_t fallback) {
  const std::int64_t index = context.has_input(i) ? integer(context.input(i)) : fallback;
  if (index < -size || index >= size) {
    context.fail(ErrorCode::execution, "position " + std::to_string(index) +
                                           " is outside a sequence of " + std::to_string(size));
  }
  return index < 0 ? index + size : index;
}

void sequence_construct(KernelContext& context) {
  Sequence sequence;
  for (std::size_t i = 0; i < context.input_count(); ++i) sequence.emplace_back(context.input(i));
  context.set_output(0, std::move(sequence));
}

void sequence_empty(KernelContext& context) { context.set_output(0, Sequence()); }

void sequence_insert(KernelContext& context) {
  Sequence sequence = context.input_value(0).sequence();
  const std::int64_t size = std::ssize(sequence);
  // The end is a place too, but a negative position counts from the last element.
  const bool at_end = !context.has_input(2) || integer(context.input(2)) == size;
  const std::int64_t at = at_end ? size : position(context, 2, size, 0);
  sequence.insert(sequence.begin() + at, context.input_value(1));
  context.set_output(0, std::move(sequence));
}

void sequence_erase(KernelContext& context) {
  Sequence sequence = context.input_value(0).sequence();
  sequence.erase(sequence.begin() + position(context, 1, std::ssize(sequence), -1));
  context.set_output(0, std::move(sequence));
}

void sequence_at(KernelContext& context) {
  const Sequence& sequence = context.input_value(0).sequence();
  const std::int64_t at = position(context, 1, std::ssize(sequence), 0);
  context.set_output(0, sequence[static_cast<std::size_t>(at)]);
}

void sequence_length(KernelContext& context) {
  context.output(0, {}).as_mutable<std::int64_t>()[0] =
      std::ssize(context.input_value(0).sequence());
}

void split_to_sequence(KernelContext& context) {
  const Tensor& data = context.input(0);
  const int axis = axis_attribute(context, 0, data.rank());
  const std::int64_t length = data.dim(axis);
  Sequence sequence;
  std::int64_t start = 0;
  const auto append = [&](std::int64_t size) {
    if (size < 0 || size > length - start) {
      context.fail(ErrorCode::shape_mismatch, "the sizes do not add up to the axis");
    }
    sequence.emplace_back(cut_out(context, data, axis, start, size));
    start += size;
  };
  if (context.has_input(1) && context.input(1).rank() > 0) {
    for (const std::int64_t size : integers(context, context.input(1))) append(size);
    if (start != length) {
      context.fail(ErrorCode::shape_mismatch, "the sizes do not add up to the axis");
    }
  } else {
    const std::int64_t size = context.has_input(1) ? integer(context.input(1)) : 1;
    if (size < 1) context.fail(ErrorCode::invalid_argument, "split is not a positive size");
    while (start < length) append(std::min(size, length - start));
  }
  if (!context.has_input(1) && context.attributes().integer("keepdims", 1) == 0) {
    Shape shape = data.shape();
    shape.erase(axis);
    for (Value& part : sequence) part = part.tensor().reshaped(shape);
  }
  context.set_output(0, std::move(sequence));
}

void concat_from_sequence(KernelContext& context) {
  Sequence sequence = context.input_value(0).sequence();
  if (sequence.empty()) {
    context.fail(ErrorCode::execution, "an empty sequence cannot be concatenated");
  }
  const bool stack = context.attributes().integer("new_axis", 0) != 0;
  const Tensor& first = sequence[0].tensor();
  const int axis = axis_attribute(context, 0, first.rank() + (stack ? 1 : 0));
  for (Value& element : sequence) {
    if (element.tensor().dtype() != first.dtype()) {
      context.fail(ErrorCode::type_mismatch, "the sequence's tensors differ in dtype");
    }
    Shape shape = element.tensor().shape();
    if (stack) shape.insert(axis, 1);
    element = element.tensor().reshaped(shape);
  }
  const auto part = [&](std::size_t i) -> const Tensor& { return sequence[i].tensor(); };
  const Shape shape = joined_shape(context, sequence.size(), axis, part);
  join(context, context.output(0, first.dtype(), shape), sequence.size(), axis, part);
}

void optional(KernelContext& context) { context.set_output(0, context.input_value(0)); }

void optional_has_element(KernelContext& context) {
  context.output(0, DType::boolean, {}).as_mutable<bool>()[0] = context.input_value(0).has_value();
}

void optional_get_element(KernelContext& context) {
  if (!context.input_value(0).has_value()) {
    context.fail(ErrorCode::execution, "the optional is empty");
  }
  context.set_output(0, context.input_value(0));
}

}  // namespace
}  // namespace kernels

std::vector<ReferenceKernel> container_kernels() {
  using namespace kernels;
  return {
      {"", "ConcatFromSequence", concat_from_sequence},
      {"", "Optional", kernels::optional},
      {"", "OptionalGetElement", optional_get_element},
      {"", "OptionalHasElement", optional_has_element},
      {"", "SequenceAt", sequence_at},
      {"", "SequenceConstruct", sequence_construct},
      {"", "SequenceEmpty", sequence_empty},
      {"", "SequenceErase", sequence_erase},
      {"", "SequenceInsert", sequence_insert},
      {"", "SequenceLength", sequence_length},
      {"", "SplitToSequence", split_to_sequence},
  };
}

}  // namespace inlay::inline v0
