// Pooling, resizing and transposing against plain loops.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <vector>

#include "kernels_support.hpp"

using inlay::cpu::KernelTable;
using inlay::kernels::make_transpose_plan;
using inlay::kernels::PoolAxis;
using inlay::kernels::PoolShape;
using inlay::kernels::TransposePlan;
using inlay_test::quiet_nan;
using inlay_test::Random;
using inlay_test::usable_tables;

namespace {

std::size_t elements(const PoolAxis (&axis)[3], std::ptrdiff_t PoolAxis::*size) {
  return static_cast<std::size_t>(axis[0].*size * axis[1].*size * axis[2].*size);
}

/// One result, window element by window element.
double pool_one(const float* plane, const PoolShape& s, bool maximum,
                const std::ptrdiff_t (&out)[3]) {
  double largest = -std::numeric_limits<double>::infinity(), sum = 0, count = 0;
  std::ptrdiff_t tap[3];
  for (tap[0] = 0; tap[0] < s.axis[0].kernel; ++tap[0]) {
    for (tap[1] = 0; tap[1] < s.axis[1].kernel; ++tap[1]) {
      for (tap[2] = 0; tap[2] < s.axis[2].kernel; ++tap[2]) {
        std::ptrdiff_t at = 0;
        bool inside = true, padded = true;
        for (int i = 0; i < 3; ++i) {
          const PoolAxis& a = s.axis[i];
          const std::ptrdiff_t p = out[i] * a.stride - a.pad_begin + tap[i] * a.dilation;
          inside = inside && p >= 0 && p < a.size;
          padded = padded && p < a.size + a.pad_end;
          at = at * a.size + p;
        }
        if (inside) {
          const double v = static_cast<double>(plane[at]);
          sum += v;
          largest = std::isnan(v) || std::isnan(largest) ? static_cast<double>(quiet_nan)
                                                         : std::fmax(largest, v);
        }
        if (inside || (s.count_include_pad && padded)) count += 1;
      }
    }
  }
  return maximum ? largest : sum / count;
}

template <class T>
std::vector<T> transposed(const std::vector<T>& x, const std::vector<std::size_t>& dims,
                          const std::vector<std::size_t>& perm) {
  std::vector<T> y(x.size());
  std::vector<std::size_t> index(dims.size());
  for (const T& value : x) {
    std::size_t at = 0;
    for (const std::size_t axis : perm) at = at * dims[axis] + index[axis];
    y[at] = value;
    for (std::size_t axis = dims.size(); axis-- > 0 && ++index[axis] == dims[axis];)
      index[axis] = 0;
  }
  return y;
}

template <class T>
void check_transpose(const KernelTable& table, const std::vector<std::size_t>& dims,
                     const std::vector<std::size_t>& perm) {
  std::size_t size = 1;
  for (const std::size_t dim : dims) size *= dim;
  std::vector<T> x(size), y(size);
  for (std::size_t i = 0; i < size; ++i) x[i] = static_cast<T>(i * 2654435761u);
  const TransposePlan plan = make_transpose_plan(dims.size(), dims.data(), perm.data(), sizeof(T));
  const auto kernel = table.spatial.transpose[plan.element_size == 8   ? 3
                                              : plan.element_size == 4 ? 2
                                              : plan.element_size == 2 ? 1
                                                                       : 0];
  for (std::size_t item = 0; item < plan.items; ++item) {
    kernel(x.data(), y.data(), plan, plan.items - 1 - item, plan.items - item);
  }
  CAPTURE(table.name, dims, perm, sizeof(T));
  REQUIRE(y == transposed(x, dims, perm));
}

}  // namespace

TEST_CASE("pooling with every mix of pads, strides, dilations and ranks") {
  Random random(8);
  for (int round = 0; round < 120; ++round) {
    PoolShape shape;
    for (int i = round % 3; i < 3; ++i) {
      PoolAxis& a = shape.axis[i];
      a.size = random.integer(1, i == 2 ? 40 : 9);
      a.kernel = random.integer(1, 4);
      a.stride = random.integer(1, 3);
      a.dilation = random.integer(1, 2);
      a.pad_begin = random.integer(0, a.kernel - 1);
      a.pad_end = random.integer(0, a.kernel - 1);
      const std::ptrdiff_t extent = (a.kernel - 1) * a.dilation + 1;
      while (a.size + a.pad_begin + a.pad_end < extent) ++a.size;
      const std::ptrdiff_t room = a.size + a.pad_begin + a.pad_end - extent;
      a.out = room / a.stride + 1;
      const bool ceil = random.integer(0, 1) == 1;
      if (ceil && room % a.stride != 0 && a.out * a.stride < a.size + a.pad_begin) ++a.out;
    }
    if (round % 4 == 3) {  // columns, every second time a register of some instruction set
      const std::ptrdiff_t registers[] = {4, 8, 16};
      const std::ptrdiff_t columns =
          round % 8 == 3 ? registers[round / 8 % 3] : random.integer(1, 80);
      shape.axis[2] = {.size = columns, .out = columns};
    }
    shape.count_include_pad = round % 2 == 0;
    const std::size_t planes = 3, in = elements(shape.axis, &PoolAxis::size);
    const std::size_t out = elements(shape.axis, &PoolAxis::out);
    std::vector<float> x = random.floats(static_cast<std::int64_t>(planes * in));
    if (round % 5 == 0) x[x.size() / 2] = quiet_nan;
    std::vector<float> scratch(inlay::kernels::pool_scratch_size(shape));
    for (const KernelTable* table : usable_tables()) {
      for (const bool maximum : {true, false}) {
        std::vector<float> y(planes * out);
        const auto kernel = maximum ? table->spatial.max_pool : table->spatial.average_pool;
        kernel(x.data(), y.data(), shape, 0, 1, scratch.data());
        const std::size_t slices = planes * static_cast<std::size_t>(shape.axis[0].out);
        kernel(x.data(), y.data(), shape, 1, slices, scratch.data());
        INFO(table->name << " round " << round << (maximum ? " max" : " average"));
        std::size_t i = 0;
        std::ptrdiff_t at[3];
        for (std::size_t p = 0; p < planes; ++p) {
          for (at[0] = 0; at[0] < shape.axis[0].out; ++at[0]) {
            for (at[1] = 0; at[1] < shape.axis[1].out; ++at[1]) {
              for (at[2] = 0; at[2] < shape.axis[2].out; ++at[2], ++i) {
                const double want = pool_one(x.data() + p * in, shape, maximum, at);
                const double got = static_cast<double>(y[i]);
                REQUIRE(std::isnan(got) == std::isnan(want));
                if (!std::isnan(want) && got != want) REQUIRE(got == Approx(want).margin(1e-6));
              }
            }
          }
        }
      }
    }
  }
}

TEST_CASE("transposes of every permutation and element size") {
  for (const KernelTable* table : usable_tables()) {
    for (const std::vector<std::size_t>& dims : {std::vector<std::size_t>{},
                                                 {7},
                                                 {5, 9},
                                                 {70, 131},
                                                 {2, 3, 4},
                                                 {3, 17, 2},
                                                 {1, 20, 1, 33},
                                                 {4, 5, 6, 3},
                                                 {2, 3, 1, 2, 5}}) {
      std::vector<std::size_t> perm(dims.size());
      std::iota(perm.begin(), perm.end(), std::size_t{0});
      do {
        check_transpose<std::uint8_t>(*table, dims, perm);
        check_transpose<std::uint16_t>(*table, dims, perm);
        check_transpose<std::uint32_t>(*table, dims, perm);
        check_transpose<std::uint64_t>(*table, dims, perm);
      } while (std::next_permutation(perm.begin(), perm.end()));
    }
  }
}

TEST_CASE("a transpose that keeps the last axis copies runs, and small runs become elements") {
  const std::size_t dims[] = {6, 5, 64}, pairs[] = {6, 5, 2}, perm[] = {1, 0, 2};
  const TransposePlan runs = make_transpose_plan(3, dims, perm, 4);
  CHECK(runs.copy);
  CHECK(runs.columns == 64);
  CHECK(runs.items == 30);
  const TransposePlan small = make_transpose_plan(3, pairs, perm, 4);
  CHECK_FALSE(small.copy);
  CHECK(small.element_size == 8);
}

TEST_CASE("resizing by index and weight tables") {
  Random random(9);
  const std::size_t planes = 3;
  for (const KernelTable* table : usable_tables()) {
    for (const auto& sizes : {std::pair<std::size_t, std::size_t>{5, 11}, {16, 8}, {37, 37}}) {
      const std::size_t size = sizes.first, out = sizes.second;
      const std::size_t height = 4, out_height = 7;
      const std::vector<float> x = random.floats(static_cast<std::int64_t>(planes * height * size));
      const auto table_of = [&](std::size_t count, std::size_t limit) {
        std::vector<std::int32_t> index(count);
        for (auto& i : index) {
          i = static_cast<std::int32_t>(random.integer(0, static_cast<std::int64_t>(limit) - 1));
        }
        return index;
      };
      const auto y0 = table_of(out_height, height), y1 = table_of(out_height, height);
      const auto x0 = table_of(out, size), x1 = table_of(out, size);
      const auto wy = random.floats(static_cast<std::int64_t>(out_height));
      const auto wx = random.floats(static_cast<std::int64_t>(out));
      std::vector<float> nearest(planes * out_height * out), linear(nearest.size()), scratch(size);
      table->spatial.resize_nearest(x.data(), nearest.data(), {height, out_height, y0.data()},
                                    {size, out, x0.data()}, 0, planes * out_height);
      table->spatial.resize_bilinear(
          x.data(), linear.data(), {height, out_height, y0.data(), y1.data(), wy.data()},
          {size, out, x0.data(), x1.data(), wx.data()}, 0, planes * out_height, scratch.data());
      INFO(table->name << " " << size << " to " << out);
      for (std::size_t i = 0; i < nearest.size(); ++i) {
        const std::size_t p = i / out / out_height, r = i / out % out_height, c = i % out;
        const auto at = [&](std::int32_t row, std::int32_t col) {
          return x[(p * height + static_cast<std::size_t>(row)) * size +
                   static_cast<std::size_t>(col)];
        };
        REQUIRE(nearest[i] == at(y0[r], x0[c]));
        const double v = static_cast<double>(wy[r]), h = static_cast<double>(wx[c]);
        const double left = (1 - v) * static_cast<double>(at(y0[r], x0[c])) +
                            v * static_cast<double>(at(y1[r], x0[c]));
        const double right = (1 - v) * static_cast<double>(at(y0[r], x1[c])) +
                             v * static_cast<double>(at(y1[r], x1[c]));
        REQUIRE(static_cast<double>(linear[i]) == Approx((1 - h) * left + h * right).margin(1e-6));
      }
    }
  }
}
