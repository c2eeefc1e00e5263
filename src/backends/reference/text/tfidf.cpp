// TfIdfVectorizer.
#include <unordered_map>

#include "backends/reference/attributes.hpp"
#include "backends/reference/reference.hpp"

namespace inlay::inline v0 {
namespace kernels {
namespace {

class TfIdfVectorizer final : public Kernel {
 public:
  explicit TfIdfVectorizer(const CompileContext& context) {
    const Attributes& attributes = context.node.attributes;
    constexpr std::string_view modes[] = {"TF", "IDF", "TFIDF"};
    const std::size_t mode = word_index("mode", attributes.text("mode", ""), modes);
    once_ = mode == 1;
    shortest_ = attributes.integer("min_gram_length", 0);
    longest_ = attributes.integer("max_gram_length", 0);
    skips_ = attributes.integer("max_skip_count", -1);
    require_attribute(shortest_ > 0 && longest_ >= shortest_,
                      "min_gram_length and max_gram_length are no range of positive numbers");
    require_attribute(skips_ >= 0, "max_skip_count is missing or negative");
    const auto places = attributes.integers("ngram_indexes");
    require_attribute(!places.empty(), "ngram_indexes is missing");
    for (const std::int64_t place : places) {
      if (place < 0 || place >= Shape::max_elements) {
        fail_attribute("ngram_indexes has " + std::to_string(place));
      }
      columns_ = std::max(columns_, place + 1);
    }
    places_.assign(places.begin(), places.end());
    if (mode != 0) weights_ = real_list(attributes, "weights");
    require_attribute(weights_.empty() || weights_.size() == places_.size(),
                      "there are " + std::to_string(weights_.size()) + " weights for " +
                          std::to_string(places_.size()) + " n-grams");
    read_pool(attributes);
  }

  void run(KernelContext& context) const override {
    const Tensor& x = context.input(0);
    if (x.rank() < 1 || x.rank() > 2) {
      context.fail(ErrorCode::shape_mismatch,
                   "the input has shape " + to_string(x.shape()) + ", not [C] or [N, C]");
    }
    const std::int64_t length = x.dim(x.rank() - 1), rows = x.rank() == 1 ? 1 : x.dim(0);
    Shape shape{columns_};
    if (x.rank() == 2) shape.insert(0, rows);
    const auto y = context.output(0, shape).as_mutable<float>();
    std::fill(y.begin(), y.end(), 0.0f);
    const auto tokens = context.scratch<std::int32_t>(length);
    const auto counts = context.scratch<std::int64_t>(std::ssize(places_));
    visit_dtype<Types<std::string, std::int64_t, std::int32_t>>(x.dtype(), [&]<class T>() {
      const T* from = x.as<T>().data();
      for (std::int64_t row = 0; row < rows; ++row, from += length) {
        std::transform(from, from + length, tokens.begin(),
                       [&](const T& element) { return token(element); });
        std::fill(counts.begin(), counts.end(), 0);
        count(context, tokens, counts);
        float* to = y.data() + row * columns_;
        for (std::size_t gram = 0; gram < counts.size(); ++gram) {
          const std::int64_t times = once_ ? std::min<std::int64_t>(counts[gram], 1) : counts[gram];
          if (times == 0) continue;
          const double weight = weights_.empty() ? 1.0 : weights_[gram];
          to[places_[gram]] += static_cast<float>(static_cast<double>(times) * weight);
        }
      }
    });
  }

 private:
  void read_pool(const Attributes& attributes) {
    const auto numbers = attributes.integers("pool_int64s");
    const auto* words = attributes.get<std::vector<std::string>>("pool_strings");
    const std::size_t size = words != nullptr && !words->empty() ? words->size() : numbers.size();
    require_attribute(numbers.empty() != (words == nullptr || words->empty()),
                      "the pool must be either pool_int64s or pool_strings");
    require_attribute(size < (std::size_t{1} << 31), "the pool is too large");
    std::vector<std::int32_t> pool;
    pool.reserve(size);
    for (const std::int64_t number : numbers) {
      pool.push_back(
          numbers_.try_emplace(number, static_cast<std::int32_t>(numbers_.size())).first->second);
    }
    if (numbers.empty()) {
      for (const std::string& word : *words) {
        pool.push_back(
            words_.try_emplace(word, static_cast<std::int32_t>(words_.size())).first->second);
      }
    }
    const auto starts = attributes.integers("ngram_counts");
    require_attribute(longest_ <= std::ssize(starts), "ngram_counts is shorter than the n-grams");
    std::size_t gram = 0;
    for (std::size_t n = 1; n <= starts.size(); ++n) {
      const std::int64_t start = starts[n - 1];
      const std::int64_t end = n < starts.size() ? starts[n] : std::ssize(pool);
      if (start < 0 || end < start || end > std::ssize(pool) ||
          static_cast<std::size_t>(end - start) % n != 0) {
        fail_attribute("ngram_counts does not part the pool into " + std::to_string(n) + "-grams");
      }
      const auto length = static_cast<std::int64_t>(n);
      for (std::int64_t at = start; at < end; at += length, ++gram) {
        if (gram == places_.size()) fail_attribute("ngram_indexes is shorter than the pool");
        if (length < shortest_ || length > longest_) continue;
        add(std::span(pool).subspan(static_cast<std::size_t>(at), n),
            static_cast<std::int32_t>(gram));
      }
    }
  }

  /// Adds an n-gram to the tree of their prefixes.
  void add(std::span<const std::int32_t> tokens, std::int32_t gram) {
    std::int32_t node = 0;
    for (const std::int32_t token : tokens) {
      const auto [it, is_new] =
          next_.try_emplace(edge(node, token), static_cast<std::int32_t>(grams_.size()));
      if (is_new) grams_.push_back(-1);
      node = it->second;
    }
    std::int32_t& known = grams_[static_cast<std::size_t>(node)];
    if (known >= 0) fail_attribute("the pool has an n-gram twice");
    known = gram;
  }

  static std::uint64_t edge(std::int32_t node, std::int32_t token) {
    return static_cast<std::uint64_t>(node) << 32 | static_cast<std::uint32_t>(token);
  }

  /// The number of a word or an integer of the pool; -1 for others.
  std::int32_t token(const std::string& word) const {
    const auto it = words_.find(word);
    return it == words_.end() ? -1 : it->second;
  }
  std::int32_t token(std::int64_t number) const {
    const auto it = numbers_.find(number);
    return it == numbers_.end() ? -1 : it->second;
  }

  /// Counts the n-grams of a row, with each distance between their tokens that may be.
  void count(const KernelContext& context, std::span<const std::int32_t> tokens,
             std::span<std::int64_t> counts) const {
    const std::int64_t length = std::ssize(tokens);
    for (std::int64_t distance = 1; distance - 1 <= skips_ && distance <= length; ++distance) {
      context.check_cancelled();
      for (std::int64_t start = 0; start < length; ++start) {
        std::int32_t node = 0;
        for (std::int64_t n = 1, at = start; n <= longest_ && at < length; ++n, at += distance) {
          const auto it = next_.find(edge(node, tokens[static_cast<std::size_t>(at)]));
          if (it == next_.end()) break;
          node = it->second;
          const std::int32_t gram = grams_[static_cast<std::size_t>(node)];
          // A single token has no distances, and counts once.
          if (gram >= 0 && (n > 1 || distance == 1)) ++counts[static_cast<std::size_t>(gram)];
        }
      }
    }
  }

  bool once_ = false;  // an n-gram counts once at most
  std::int64_t shortest_ = 0;
  std::int64_t longest_ = 0;
  std::int64_t skips_ = 0;
  std::int64_t columns_ = 0;
  std::vector<std::int64_t> places_;  // of each n-gram in the output
  std::vector<double> weights_;       // of each n-gram, or none
  std::unordered_map<std::int64_t, std::int32_t> numbers_;
  std::unordered_map<std::string, std::int32_t> words_;
  std::unordered_map<std::uint64_t, std::int32_t> next_;  // by edge(node, token)
  std::vector<std::int32_t> grams_{-1};                   // the n-gram that ends at a node, or -1
};

}  // namespace
}  // namespace kernels

std::vector<ReferenceKernel> tfidf_kernels() {
  return {{"", "TfIdfVectorizer", make_kernel<kernels::TfIdfVectorizer>}};
}

}  // namespace inlay::inline v0
