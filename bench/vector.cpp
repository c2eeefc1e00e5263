// The kernels that are not matrix products, on one thread: elements and bytes per second.
#include "support.hpp"

namespace inlay_bench {
namespace {

using namespace inlay::kernels;

/// Data that fits the second-level cache, and data that fits none.
constexpr std::int64_t sizes[] = {1 << 15, 1 << 24};

void report(benchmark::State& state, std::int64_t elements, std::int64_t bytes_per_element) {
  const std::int64_t done = static_cast<std::int64_t>(state.iterations()) * elements;
  state.SetItemsProcessed(done);
  state.SetBytesProcessed(done * bytes_per_element);
}

void unary(benchmark::State& state, const KernelTable& table, UnaryOp op) {
  const std::int64_t n = state.range(0);
  const Floats x(n), y(n);
  for (auto _ : state) {
    table.elementwise.unary[static_cast<std::size_t>(op)](x.data(), y.data(),
                                                          static_cast<std::size_t>(n), 0.0f, 1.0f);
    benchmark::ClobberMemory();
  }
  report(state, n, 8);
}

void add(benchmark::State& state, const KernelTable& table) {
  const std::int64_t n = state.range(0);
  const Floats a(n), b(n), y(n);
  const BroadcastRows shape{1, static_cast<std::size_t>(n), 0, 0, false, false};
  for (auto _ : state) {
    table.elementwise.binary[static_cast<std::size_t>(BinaryOp::add)](a.data(), b.data(), y.data(),
                                                                      shape);
    benchmark::ClobberMemory();
  }
  report(state, n, 12);
}

void sum(benchmark::State& state, const KernelTable& table) {
  const std::int64_t n = state.range(0);
  const Floats x(n);
  for (auto _ : state) {
    float y = 0;
    table.reduce.reduce[static_cast<std::size_t>(ReduceOp::sum)](
        x.data(), &y, {1, static_cast<std::size_t>(n), 1}, 0, 1);
    benchmark::DoNotOptimize(y);
  }
  report(state, n, 4);
}

/// Rows of 768, a transformer's.
void softmax(benchmark::State& state, const KernelTable& table) {
  const std::int64_t n = 768, rows = state.range(0) / n;
  const Floats x(rows * n), y(rows * n);
  for (auto _ : state) {
    table.reduce.softmax_rows(x.data(), y.data(), static_cast<std::size_t>(rows), n);
    benchmark::ClobberMemory();
  }
  report(state, rows * n, 8);
}

void layer_norm(benchmark::State& state, const KernelTable& table) {
  const std::int64_t n = 768, rows = state.range(0) / n;
  const Floats x(rows * n), y(rows * n), scale(n), bias(n);
  for (auto _ : state) {
    table.reduce.layer_norm(x.data(), scale.data(), bias.data(), y.data(),
                            static_cast<std::size_t>(rows), n, 1e-5f, nullptr, nullptr);
    benchmark::ClobberMemory();
  }
  report(state, rows * n, 8);
}

void transpose(benchmark::State& state, const KernelTable& table) {
  const std::size_t columns = 256, rows = static_cast<std::size_t>(state.range(0)) / columns;
  const std::size_t dims[] = {rows, columns}, perm[] = {1, 0};
  const Floats x(state.range(0)), y(state.range(0));
  const TransposePlan plan = make_transpose_plan(2, dims, perm, sizeof(float));
  for (auto _ : state) {
    table.spatial.transpose[2](x.data(), y.data(), plan, 0, plan.items);
    benchmark::ClobberMemory();
  }
  report(state, state.range(0), 8);
}

/// 3x3 windows, stride 2, 64 planes.
void max_pool(benchmark::State& state, const KernelTable& table) {
  const PoolShape shape{{{}, {112, 56, 3, 2, 1, 1, 1}, {112, 56, 3, 2, 1, 1, 1}}};
  const std::int64_t planes = 64;
  const Floats x(planes * 112 * 112), y(planes * 56 * 56);
  const Floats scratch(static_cast<std::int64_t>(pool_scratch_size(shape)));
  for (auto _ : state) {
    table.spatial.max_pool(x.data(), y.data(), shape, 0, planes, scratch.data());
    benchmark::ClobberMemory();
  }
  report(state, planes * 112 * 112, 5);
}

void lstm_step(benchmark::State& state, const KernelTable& table) {
  const std::int64_t hidden = 256;
  const auto size = static_cast<std::size_t>(hidden);
  const Floats gates(4 * hidden), in(hidden), out(hidden), cell(hidden);
  const Floats packed(static_cast<std::int64_t>(table.rnn.packed_size(4, size)));
  LstmStep step;
  step.rows = 1, step.hidden = size, step.gates = gates.data(), step.gates_stride = 4 * size;
  step.packed = packed.data(), step.hidden_in = in.data(), step.hidden_out = out.data();
  step.cell = cell.data();
  for (auto _ : state) {
    table.rnn.lstm_step(step, 0, table.rnn.blocks(size));
    benchmark::ClobberMemory();
  }
  report(state, 4 * hidden * hidden, 4);
}

const bool registered = [] {
  for_each_table([](const KernelTable& table) {
    const auto name = [&](const char* kernel) { return std::string(kernel) + "/" + table.name; };
    const auto sized = [&](const char* kernel, auto function, auto... arguments) {
      auto* made =
          benchmark::RegisterBenchmark(name(kernel).c_str(), function, table, arguments...);
      for (const std::int64_t size : sizes) made->Arg(size);
    };
    sized("exp", unary, UnaryOp::exp);
    sized("sigmoid", unary, UnaryOp::sigmoid);
    sized("swish", unary, UnaryOp::swish);
    sized("tanh", unary, UnaryOp::tanh);
    sized("gelu", unary, UnaryOp::gelu);
    sized("relu", unary, UnaryOp::relu);
    sized("add", add);
    sized("sum", sum);
    sized("softmax", softmax);
    sized("layer_norm", layer_norm);
    sized("transpose", transpose);
    benchmark::RegisterBenchmark(name("max_pool").c_str(), max_pool, table);
    benchmark::RegisterBenchmark(name("lstm_step").c_str(), lstm_step, table);
  });
  return true;
}();

}  // namespace
}  // namespace inlay_bench
