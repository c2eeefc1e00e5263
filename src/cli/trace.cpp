#include "trace.hpp"

#include <map>
#include <nlohmann/json.hpp>

namespace inlay::cli {
namespace {

using Json = nlohmann::ordered_json;

}  // namespace

void Trace::add(const Node& node, std::string_view backend, std::int64_t start,
                std::int64_t duration) {
  events_.push_back({&node, std::string(backend), start, duration});
}

std::string Trace::json() const {
  Json list = Json::array();
  std::map<const Node*, int> rows;
  for (const Event& event : events_) {
    const Node& node = *event.node;
    const std::string op = qualified_op(node.domain, node.op);
    const auto [row, is_new] = rows.emplace(&node, static_cast<int>(rows.size()) + 1);
    if (is_new) {
      list.push_back({{"ph", "M"},
                      {"name", "thread_name"},
                      {"pid", 1},
                      {"tid", row->second},
                      {"args", {{"name", op + " " + node.name}}}});
    }
    list.push_back({{"ph", "X"},
                    {"name", op},
                    {"cat", event.backend},
                    {"pid", 1},
                    {"tid", row->second},
                    {"ts", static_cast<double>(event.start) / 1e3},
                    {"dur", static_cast<double>(event.duration) / 1e3},
                    {"args", {{"node", node.name}, {"backend", event.backend}}}});
  }
  return Json{{"displayTimeUnit", "ns"}, {"traceEvents", list}}.dump(
      -1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace inlay::cli
