// Steps that run by rows: a band of the last one's output at a time, through all of them, so that
// what lies between them stays in the cache. Rows that the next band sees again are kept.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>

#include "runtime/clock.hpp"
#include "runtime/frame.hpp"

namespace inlay::inline v0 {
namespace {

/// Rounded up to whole lines of the cache.
std::size_t whole_lines(std::size_t bytes) {
  constexpr std::size_t line = 64;
  return (bytes + line - 1) / line * line;
}

/// One step of a chain.
struct Link {
  const Kernel* kernel;
  Shape input;
  RowWindow window;
  std::int64_t rows = 0;      ///< of its output that are kept at once
  std::size_t row_bytes = 0;  ///< of one plane's row of the output
  std::size_t offset = 0;     ///< of the kept rows, in a worker's memory

  std::int64_t planes() const { return window.output[1]; }
  std::size_t bytes() const { return static_cast<std::size_t>(planes() * rows) * row_bytes; }
  std::int64_t first_seen(std::int64_t row) const {
    return std::clamp<std::int64_t>(row * window.stride - window.pad, 0, input[2]);
  }
  std::int64_t end_seen(std::int64_t end) const {
    const std::int64_t reach = (window.kernel - 1) * window.dilation + 1;
    return std::clamp<std::int64_t>((end - 1) * window.stride - window.pad + reach, 0, input[2]);
  }
};

class Chain {
 public:
  explicit Chain(std::size_t count) : count_(count) {}

  Link& operator[](std::size_t i) { return links_[i]; }
  Link& last() { return links_[count_ - 1]; }

  /// How many rows of the result make a band: as many as the cache holds with what leads to them.
  /// Lays out a worker's memory.
  std::int64_t plan_bands() {
    constexpr std::size_t cache = std::size_t{1} << 20;
    const std::int64_t all = last().window.output[2];
    std::int64_t band = 1;
    while (band < all && lay_out(std::min(all, 2 * band)) <= cache) band = std::min(all, 2 * band);
    lay_out(band);
    return band;
  }

  /// Bytes that each worker needs: rows between links, and scratch.
  std::size_t worker_bytes() {
    std::size_t scratch = 0;
    for (std::size_t i = 0; i < count_; ++i) scratch = std::max(scratch, links_[i].window.scratch);
    scratch_offset_ = lay_out_bytes_;
    return lay_out_bytes_ + whole_lines(scratch);
  }

  /// Rows [begin, end) of one image's result, band by band.
  template <class RunLink>
  void run(std::int64_t begin, std::int64_t end, std::int64_t band, const RowBand& input,
           const RowBand& output, std::byte* memory, const RunLink& run_link) const {
    std::array<std::int64_t, most_chain_steps> kept{}, done{};  // rows in memory: [kept, done)
    for (std::int64_t y = begin; y < end; y += band) {
      std::array<std::int64_t, most_chain_steps> first{}, last{};  // rows that are needed
      first[count_ - 1] = y, last[count_ - 1] = std::min(end, y + band);
      for (std::size_t i = count_ - 1; i > 0; --i) {
        first[i - 1] = links_[i].first_seen(first[i]);
        last[i - 1] = std::max(first[i - 1], links_[i].end_seen(last[i]));
      }
      RowBand from = input;
      for (std::size_t i = 0; i < count_; ++i) {
        if (i + 1 == count_) {
          run_link(i, from, output, first[i], last[i], memory + scratch_offset_);
          break;
        }
        const Link& link = links_[i];
        std::byte* const rows = memory + link.offset;
        const bool fresh = y == begin || done[i] <= first[i];
        if (!fresh) keep_rows(link, rows, first[i] - kept[i], done[i] - first[i]);
        const RowBand to{rows, first[i], first[i] + link.rows};
        const std::int64_t start = fresh ? first[i] : done[i];
        if (start < last[i]) run_link(i, from, to, start, last[i], memory + scratch_offset_);
        kept[i] = first[i], done[i] = std::max(start, last[i]);
        from = to;
      }
    }
  }

 private:
  std::size_t lay_out(std::int64_t band) {
    lay_out_bytes_ = 0;
    last().rows = band;
    for (std::size_t i = count_ - 1; i > 0; --i) {
      const RowWindow& next = links_[i].window;
      const std::int64_t seen =
          (links_[i].rows - 1) * next.stride + (next.kernel - 1) * next.dilation + 1;
      Link& link = links_[i - 1];
      link.rows = std::min(seen, link.window.output[2]);
      link.offset = lay_out_bytes_;
      lay_out_bytes_ += whole_lines(link.bytes());
    }
    return lay_out_bytes_;
  }

  static void keep_rows(const Link& link, std::byte* rows, std::int64_t from, std::int64_t count) {
    if (from == 0) return;
    for (std::int64_t plane = 0; plane < link.planes(); ++plane) {
      std::byte* const to = rows + static_cast<std::size_t>(plane * link.rows) * link.row_bytes;
      std::memmove(to, to + static_cast<std::size_t>(from) * link.row_bytes,
                   static_cast<std::size_t>(count) * link.row_bytes);
    }
  }

  std::array<Link, most_chain_steps> links_;
  std::size_t count_;
  std::size_t lay_out_bytes_ = 0, scratch_offset_ = 0;
};

}  // namespace

void Frame::run_chain(std::size_t first, std::size_t last) {
  if (cancel_.cancelled()) throw Error(ErrorCode::cancelled, "the run was cancelled");
  const std::int64_t start = profile_ ? now() : 0;
  std::array<std::atomic<std::int64_t>, most_chain_steps> times{};
  std::size_t at = first;  // where an error belongs
  try {
    Chain chain(last - first + 1);
    const Tensor& x = KernelContext(*this, first).input(0);
    for (; at <= last; ++at) {
      Link& link = chain[at - first];
      link.kernel = step(at).kernel.get();
      link.input = at == first ? x.shape() : chain[at - first - 1].window.output;
      link.window = link.kernel->row_window(KernelContext(*this, at), link.input);
      const Shape& output = link.window.output;
      const ValueId id = step(at).node->output(0);
      const DType dtype = plan_.graph().value(id).type.dtype;
      link.row_bytes = byte_size(dtype, output.product(3, output.rank()));
      if (at == last) break;
      extents_[static_cast<std::size_t>(id)] = Extent::of(dtype, output);
    }
    KernelContext context(*this, last);
    const Shape& shape = chain.last().window.output;
    Tensor& y = context.output(0, shape);
    if (y.size() > 0) {
      // Work that is cut repeats what both sides see: few pieces, as many for each thread.
      constexpr std::int64_t few_rows = 16;
      const std::int64_t rows = shape[2], threads = context.concurrency();
      const std::int64_t wanted = threads > 1 ? std::min(2 * threads, rows / few_rows) : 1;
      const std::int64_t cuts = wanted > threads ? wanted / threads * threads : wanted;
      const std::int64_t piece = (rows - 1) / std::max<std::int64_t>(1, cuts) + 1;
      const std::int64_t pieces = (rows - 1) / piece + 1;
      const std::int64_t band = std::min(piece, chain.plan_bands());
      const std::size_t bytes = chain.worker_bytes();
      auto* const memory =
          static_cast<std::byte*>(context.scratch(bytes * static_cast<std::size_t>(threads)));
      const std::size_t x_image = x.bytes() / static_cast<std::size_t>(shape[0]);
      const std::size_t y_image = y.bytes() / static_cast<std::size_t>(shape[0]);
      auto* const from = const_cast<std::byte*>(static_cast<const std::byte*>(x.data()));
      auto* const to = static_cast<std::byte*>(y.mutable_data());
      context.parallel_for(shape[0] * pieces, [&](std::int64_t task, int worker) {
        const auto image = static_cast<std::size_t>(task / pieces);
        const std::int64_t begin = task % pieces * piece;
        const RowBand input{from + image * x_image, 0, x.dim(2)};
        const RowBand output{to + image * y_image, 0, rows};
        chain.run(begin, std::min(rows, begin + piece), band, input, output,
                  memory + bytes * static_cast<std::size_t>(worker),
                  [&](std::size_t i, const RowBand& in, const RowBand& out, std::int64_t b,
                      std::int64_t e, void* scratch) {
                    const std::int64_t before = profile_ ? now() : 0;
                    KernelContext link_context(*this, first + i);
                    link_context.check_cancelled();
                    chain[i].kernel->run_rows(link_context, chain[i].input, in, out, b, e, scratch);
                    if (profile_) times[i] += now() - before;
                  });
      });
    }
  } catch (const Error& error) {
    const Node& node = *step(std::min(at, last)).node;
    throw error.at({.node = node.name, .op = qualified_op(node.domain, node.op)});
  }
  if (profile_) report_chain(first, last, start, times.data());
  scratch_.reset();
  for (std::size_t s = first; s <= last; ++s) release(s);
}

/// Each step as if they had run one after the other, for the time that they took together.
void Frame::report_chain(std::size_t first, std::size_t last, std::int64_t start,
                         const std::atomic<std::int64_t>* times) const {
  const std::int64_t wall = now() - start;
  std::int64_t sum = 0;
  for (std::size_t s = first; s <= last; ++s) sum += times[s - first];
  for (std::size_t s = first; s <= last; ++s) {
    const auto share =
        static_cast<double>(times[s - first]) / static_cast<double>(std::max<std::int64_t>(1, sum));
    const auto duration = static_cast<std::int64_t>(static_cast<double>(wall) * share);
    profile_(*step(s).node, step(s).backend->name(), start, duration);
    start += duration;
  }
}

}  // namespace inlay::inline v0
