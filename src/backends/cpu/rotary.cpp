// RotaryEmbedding and inlay:FusedRotaryEmbedding.
#include "backends/reference/attention/rotary.hpp"
#include "backends/cpu/glue.hpp"

namespace inlay::inline v0::cpu {
namespace {

using kernels::RotaryRows;

class RotaryEmbedding final : public Kernel {
 public:
  RotaryEmbedding(const CompileContext& /*context*/, const KernelTable& table)
      : rotary_(table.rotary) {}

  void run(KernelContext& context) const override {
    const kernels::RotaryGeometry g = kernels::rotary_geometry(context);
    const kernels::HeadLayout& heads = g.heads;
    const float *x = floats(context, 0), *cosines = floats(context, 1), *sines = floats(context, 2);
    float* y = context.output(0, context.input(0).shape()).as_mutable<float>().data();
    const std::int64_t head_step = heads.offset(0, 1), rotated = 2 * g.pairs;
    const auto turn = [&](std::int64_t token) {
      const std::int64_t start =
          heads.offset(token / heads.sequence, 0) + token % heads.sequence * heads.row_step();
      const std::int64_t angle = g.row(context, token) * g.pairs;
      rotary_({x + start, cosines + angle, sines + angle, y + start, head_step, 0, 0, head_step,
               heads.heads, g.pairs, false, g.interleaved});
      for (std::int64_t h = 0; h < heads.heads; ++h) {
        const std::int64_t rest = start + h * head_step + rotated;
        std::copy_n(x + rest, heads.size - rotated, y + rest);
      }
    };
    for_ranges(context, heads.batch * heads.sequence, items_per_task(heads.heads * heads.size),
               [&](std::size_t begin, std::size_t end, int) {
                 for (std::size_t token = begin; token < end; ++token) {
                   turn(static_cast<std::int64_t>(token));
                 }
               });
  }

 private:
  RotaryKernel rotary_;
};

class FusedRotaryEmbedding final : public Kernel {
 public:
  FusedRotaryEmbedding(const CompileContext& context, const KernelTable& table)
      : rotary_(table.rotary),
        interleaved_(context.node.attributes.integer("interleaved", 0) != 0) {}

  void run(KernelContext& context) const override {
    const kernels::FusedRotaryGeometry g = kernels::fused_rotary_geometry(context);
    const float *x = floats(context, 0), *cosines = floats(context, 1), *sines = floats(context, 2);
    Shape shape = g.rows;
    shape.push_back(g.size);
    float* y = context.output(0, shape).as_mutable<float>().data();
    if (shape.elements() == 0) return;
    // Cut along the longest axis, so that a task is a part of the rows with steps as they are.
    int longest = 0;
    for (int axis = 1; axis < g.rows.rank(); ++axis) {
      if (g.rows[axis] > g.rows[longest]) longest = axis;
    }
    const bool whole = g.rows.rank() == 0;
    const std::int64_t length = whole ? 1 : g.rows[longest];
    const kernels::Strides y_steps = kernels::dense_strides(g.rows);
    for_ranges(
        context, length, items_per_task(shape.elements() / length),
        [&](std::size_t begin, std::size_t end, int) {
          Shape rows = g.rows;
          std::array<std::int64_t, 4> from{};
          if (!whole) {
            rows[longest] = static_cast<std::int64_t>(end - begin);
            const auto first = static_cast<std::int64_t>(begin);
            from = {first * g.x_steps[to_size(longest)], first * g.cosine_steps[to_size(longest)],
                    first * g.sine_steps[to_size(longest)], first * y_steps[to_size(longest)]};
          }
          kernels::walk_rows<4>(
              rows, {g.x_steps, g.cosine_steps, g.sine_steps, y_steps},
              [&](std::int64_t, const kernels::Offsets<4>& at, const kernels::Offsets<4>& steps,
                  std::int64_t count) {
                rotary_({x + (from[0] + at[0]) * g.size, cosines + (from[1] + at[1]) * g.angles,
                         sines + (from[2] + at[2]) * g.angles, y + (from[3] + at[3]) * g.size,
                         steps[0] * g.size, steps[1] * g.angles, steps[2] * g.angles,
                         steps[3] * g.size, count, g.size / 2, g.angles == g.size, interleaved_});
              });
        });
  }

 private:
  RotaryKernel rotary_;
  bool interleaved_;
};

Support supports_rotary(const CompileContext& context) { return float_inputs(context, 3); }

}  // namespace

std::vector<CpuOp> rotary_ops() {
  return {
      cpu_op("", "RotaryEmbedding", supports_rotary, compile_as<RotaryEmbedding>),
      cpu_op("inlay", "FusedRotaryEmbedding", supports_rotary, compile_as<FusedRotaryEmbedding>)};
}

}  // namespace inlay::inline v0::cpu
