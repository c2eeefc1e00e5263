#include "ops/known_dims.hpp"

#include <array>

#include "inlay/op.hpp"

namespace inlay::inline v0 {
namespace {

using Item = KnownItem;
using Items = KnownItems;
using Found = std::optional<Items>;

constexpr int max_steps = 256;            // values looked at in one search
constexpr std::int64_t max_items = 1024;  // longer tensors do not hold dims
constexpr std::int64_t kept_items = 16;   // longer lists are not remembered

class Search {
 public:
  Search(const Graph& graph, KnownItemsMemo& memo) : graph_(graph), memo_(memo) {}

  Found value(ValueId id) {
    if (id == no_id || ++steps_ > max_steps) return std::nullopt;
    if (const auto known = memo_.find(id); known != memo_.end()) return known->second;
    Found items = look(id);
    // A search that was cut short says nothing of the next one.
    if (steps_ <= max_steps && (!items || std::ssize(*items) <= kept_items)) memo_[id] = items;
    return items;
  }

 private:
  Found look(ValueId id) {
    if (const Tensor* constant = graph_.constant(id)) return from_constant(*constant);
    const Type& of = graph_.value(id).type;
    if (!of.has_rank || of.rank() > 1) return std::nullopt;
    const Node* node = graph_.producer(id);
    if (node == nullptr || !node->domain.empty()) return std::nullopt;
    Found items = node->is("Split") ? split(*node, id) : first_output(*node);
    if (items && std::ssize(*items) > max_items) return std::nullopt;
    return items;
  }

  static Found from_constant(const Tensor& tensor) {
    if (tensor.rank() > 1 || tensor.size() > max_items) return std::nullopt;
    Items items;
    auto append = [&](auto values) {
      for (const auto x : values) items.push_back({static_cast<std::int64_t>(x), {}});
    };
    if (tensor.dtype() == DType::int64) {
      append(tensor.as<std::int64_t>());
    } else if (tensor.dtype() == DType::int32) {
      append(tensor.as<std::int32_t>());
    } else if (tensor.dtype() == DType::boolean) {
      append(tensor.as<bool>());
    } else {
      return std::nullopt;
    }
    return items;
  }

  Found input(const Node& node, std::size_t i) { return value(node.input(i)); }

  /// Input i as plain numbers.
  std::optional<std::vector<std::int64_t>> numbers(const Node& node, std::size_t i) {
    const Found items = input(node, i);
    if (!items) return std::nullopt;
    std::vector<std::int64_t> result;
    for (const Item& item : *items) {
      if (!item.number) return std::nullopt;
      result.push_back(*item.number);
    }
    return result;
  }

  const Type& type(const Node& node, std::size_t i) const {
    static const Type none;
    return node.has_input(i) ? graph_.value(node.inputs[i]).type : none;
  }

  Found first_output(const Node& node) {
    if (node.is("Shape")) return shape(node);
    if (node.is("Size")) return size(node);
    // A scalar and a list of one hold the same items, so moving between them is the identity.
    for (const std::string_view op : {"Identity", "Squeeze", "Unsqueeze", "Reshape", "Flatten"}) {
      if (node.is(op)) return input(node, 0);
    }
    if (node.is("Cast")) return cast(node);
    if (node.is("Gather")) return gather(node);
    if (node.is("Slice")) return slice(node);
    if (node.is("Concat")) return concat(node);
    if (node.is("ConstantOfShape")) return constant_of_shape(node);
    if (node.is("Expand")) return expand(node);
    if (node.is("Range")) return range(node);
    if (node.is("ReduceProd")) return reduce_prod(node);
    if (node.is("Where")) return where(node);
    return arithmetic(node);
  }

  Found shape(const Node& node) const {
    const Type& of = type(node, 0);
    if (!of.has_rank) return std::nullopt;
    const std::int64_t rank = of.rank();
    auto place = [&](std::int64_t axis) {
      return std::clamp<std::int64_t>(axis < 0 ? axis + rank : axis, 0, rank);
    };
    Items items;
    for (std::int64_t i = place(node.attributes.integer("start", 0)),
                      end = place(node.attributes.integer("end", rank));
         i < end; ++i) {
      items.push_back(item_of(of.dims[static_cast<std::size_t>(i)]));
    }
    return items;
  }

  Found size(const Node& node) const {
    const Type& of = type(node, 0);
    if (!of.has_rank) return std::nullopt;
    Item product{1, {}};
    for (const Dim& dim : of.dims) product = combine("Mul", product, item_of(dim));
    return Items{product};
  }

  Found cast(const Node& node) {
    const auto to = static_cast<DType>(node.attributes.integer("to", 0));
    if (to != DType::int64 && to != DType::int32) return std::nullopt;
    return input(node, 0);
  }

  Found gather(const Node& node) {
    const Found data = input(node, 0);
    const auto indices = numbers(node, 1);
    if (!data || !indices) return std::nullopt;
    Items items;
    for (std::int64_t i : *indices) {
      if (i < 0) i += std::ssize(*data);
      if (i < 0 || i >= std::ssize(*data)) return std::nullopt;
      items.push_back((*data)[static_cast<std::size_t>(i)]);
    }
    return items;
  }

  Found slice(const Node& node) {
    const Found data = input(node, 0);
    if (!data) return std::nullopt;
    auto one = [&](std::size_t i, std::string_view attribute,
                   std::int64_t absent) -> std::optional<std::int64_t> {
      const auto listed = node.attributes.integers(attribute);
      if (listed.size() == 1) return listed[0];
      if (!node.has_input(i)) return absent;
      const auto list = numbers(node, i);
      if (!list || list->size() != 1) return std::nullopt;
      return list->front();
    };
    const auto start = one(1, "starts", 0);
    const auto end = one(2, "ends", 0);
    const auto step = one(4, "", 1);
    const std::int64_t n = std::ssize(*data);
    if (!start || !end || !step || *step < 1) return std::nullopt;
    auto place = [&](std::int64_t x) { return std::clamp<std::int64_t>(x < 0 ? x + n : x, 0, n); };
    Items items;
    const std::int64_t last = place(*end);
    for (std::int64_t i = place(*start); i < last; i += std::min(*step, n)) {
      items.push_back((*data)[static_cast<std::size_t>(i)]);
    }
    return items;
  }

  Found split(const Node& node, ValueId id) {
    const Found data = input(node, 0);
    if (!data) return std::nullopt;
    std::size_t first = 0;
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      const auto part = graph_.value(node.outputs[i]).type.static_shape();
      if (!part || part->rank() != 1) return std::nullopt;
      const auto last = first + static_cast<std::size_t>((*part)[0]);
      if (last > data->size()) return std::nullopt;
      if (node.outputs[i] == id) {
        return Items(data->begin() + static_cast<std::ptrdiff_t>(first),
                     data->begin() + static_cast<std::ptrdiff_t>(last));
      }
      first = last;
    }
    return std::nullopt;
  }

  Found concat(const Node& node) {
    Items items;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (const Found part = input(node, i)) {
        items.insert(items.end(), part->begin(), part->end());
      } else {  // the rest can still be told when this part's length can
        const auto length = type(node, i).static_shape();
        if (!length || length->rank() != 1 || (*length)[0] > max_items) return std::nullopt;
        items.resize(items.size() + static_cast<std::size_t>((*length)[0]));
      }
    }
    return items;
  }

  Found filled(const Node& node, std::size_t shape_input, const Item& item) {
    const auto dims = numbers(node, shape_input);
    if (!dims || dims->size() > 1) return std::nullopt;
    const std::int64_t count = dims->empty() ? 1 : dims->front();
    if (count < 0 || count > max_items) return std::nullopt;
    return Items(static_cast<std::size_t>(count), item);
  }

  Found constant_of_shape(const Node& node) {
    const auto* tensor = node.attributes.get<Tensor>("value");
    if (tensor == nullptr) return std::nullopt;
    const Found item = from_constant(*tensor);
    if (!item || item->size() != 1) return std::nullopt;
    return filled(node, 0, item->front());
  }

  Found expand(const Node& node) {
    const Found data = input(node, 0);
    if (!data || data->size() != 1) return std::nullopt;
    return filled(node, 1, data->front());
  }

  Found range(const Node& node) {
    std::array<std::int64_t, 3> bounds{};
    for (std::size_t i = 0; i < 3; ++i) {
      const auto bound = numbers(node, i);
      if (!bound || bound->size() != 1) return std::nullopt;
      bounds[i] = bound->front();
    }
    const auto [start, limit, delta] = bounds;
    if (start < 0 || limit < start || delta < 1 || limit - start > max_items) return std::nullopt;
    Items items;
    for (std::int64_t x = start; x < limit; x += std::min(delta, max_items)) {
      items.push_back({x, {}});
    }
    return items;
  }

  Found reduce_prod(const Node& node) {
    const Found data = input(node, 0);
    if (!data) return std::nullopt;
    Item product{1, {}};
    for (const Item& item : *data) product = combine("Mul", product, item);
    return Items{product};
  }

  Found where(const Node& node) {
    const Found condition = input(node, 0);
    const Found yes = input(node, 1);
    const Found no = input(node, 2);
    if (!condition || !yes || !no) return std::nullopt;
    const std::size_t n = std::max({condition->size(), yes->size(), no->size()});
    Items items;
    for (std::size_t i = 0; i < n; ++i) {
      const Item* chosen = at(*condition, i, n);
      const Item* a = at(*yes, i, n);
      const Item* b = at(*no, i, n);
      if (chosen == nullptr || a == nullptr || b == nullptr) return std::nullopt;
      if (chosen->number) {
        items.push_back(*chosen->number != 0 ? *a : *b);
      } else {
        items.push_back(*a == *b ? *a : Item{});
      }
    }
    return items;
  }

  Found arithmetic(const Node& node) {
    static constexpr std::array<std::string_view, 7> ops{"Add", "Sub", "Mul",  "Div",
                                                         "Min", "Max", "Equal"};
    if (std::find(ops.begin(), ops.end(), node.op) == ops.end() || node.inputs.size() != 2) {
      return std::nullopt;
    }
    const Found a = input(node, 0);
    const Found b = input(node, 1);
    if (!a || !b) return std::nullopt;
    const std::size_t n = std::max(a->size(), b->size());
    Items items;
    for (std::size_t i = 0; i < n; ++i) {
      const Item* x = at(*a, i, n);
      const Item* y = at(*b, i, n);
      if (x == nullptr || y == nullptr) return std::nullopt;
      items.push_back(combine(node.op, *x, *y));
    }
    return items;
  }

  /// Item i of a list broadcast to n; null when it does not broadcast.
  static const Item* at(const Items& items, std::size_t i, std::size_t n) {
    if (items.size() == 1) return &items[0];
    return items.size() == n ? &items[i] : nullptr;
  }

  static Item item_of(const Dim& dim) {
    return dim.known() ? Item{dim.value, {}} : Item{std::nullopt, dim.symbol};
  }

  /// `op` on two items; a symbol survives only where the result is surely the same size.
  static Item combine(std::string_view op, const Item& a, const Item& b) {
    if (a.number && b.number) return {compute(op, *a.number, *b.number), {}};
    const bool commutes = op == "Add" || op == "Mul";
    const std::int64_t neutral = op == "Add" || op == "Sub" ? 0 : 1;
    if (commutes || op == "Sub" || op == "Div") {
      if (b.number == neutral) return a;
      if (commutes && a.number == neutral) return b;
    }
    if (op == "Mul" && (a.number == 0 || b.number == 0)) return {0, {}};
    if (a == b && !a.unknown() && (op == "Min" || op == "Max")) return a;
    if (a == b && !a.unknown() && op == "Sub") return {0, {}};
    // A dim is never negative, so it differs from the -1 that exporters compare it with.
    if (op == "Equal" &&
        ((a.negative() && !b.symbol.empty()) || (b.negative() && !a.symbol.empty()))) {
      return {0, {}};
    }
    return {};
  }

  static std::optional<std::int64_t> compute(std::string_view op, std::int64_t a, std::int64_t b) {
    // Operands this small cannot overflow; larger ones are no dims.
    constexpr std::int64_t big = std::int64_t{1} << 31;
    if (op == "Equal") return a == b;
    if (op == "Min") return std::min(a, b);
    if (op == "Max") return std::max(a, b);
    if (a <= -big || a >= big || b <= -big || b >= big) return std::nullopt;
    if (op == "Add") return a + b;
    if (op == "Sub") return a - b;
    if (op == "Mul") return a * b;
    if (op == "Div" && b != 0) return a / b;
    return std::nullopt;
  }

  const Graph& graph_;
  KnownItemsMemo& memo_;
  int steps_ = 0;
};

}  // namespace

std::optional<KnownItems> known_items(const Graph& graph, ValueId value, KnownItemsMemo& memo) {
  return Search(graph, memo).value(value);
}

std::optional<std::vector<Dim>> InferContext::known_dims(std::size_t i) const {
  KnownItemsMemo memo;
  const Found items = known_items(graph_, node_.input(i), memo);
  if (!items) return std::nullopt;
  std::vector<Dim> dims;
  for (const Item& item : *items) {
    if (item.number) {
      dims.emplace_back(std::max<std::int64_t>(*item.number, -1));
    } else {
      dims.push_back(Dim::named(item.symbol));
    }
  }
  return dims;
}

}  // namespace inlay::inline v0
