// `inlay inspect MODEL`
#include <algorithm>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "command.hpp"
#include "inlay/pass.hpp"
#include "made_up_inputs.hpp"
#include "runtime/flops.hpp"
#include "runtime/model_state.hpp"

namespace inlay::cli {
namespace {

using Json = nlohmann::ordered_json;

struct InspectArguments {
  std::string model;
  bool passes = false;
  bool graph = false;
  bool nodes = false;
  bool memory = false;
  bool json = false;
};

// What the file says, before anything is done to it.
struct Contents {
  std::map<std::string, int> operators;
  std::int64_t parameters = 0;
  std::size_t parameter_bytes = 0;
};

void count(const Graph& graph, Contents& contents) {
  for (const ValueInfo& value : graph.values) {
    contents.parameters += value.constant.size();
    contents.parameter_bytes += value.constant.bytes();
  }
  for (const Node& node : graph.nodes) {
    ++contents.operators[qualified_op(node.domain, node.op)];
    for_each_subgraph(node, [&](const Graph& inner) { count(inner, contents); });
  }
}

// Nodes that run the same way, for the same reason.
struct Group {
  std::string op;
  std::string backend;
  std::string reason;
  int nodes = 0;
};

std::vector<Group> group(std::span<const Placement> placements) {
  std::vector<Group> groups;
  for (const Placement& placement : placements) {
    const auto same = std::find_if(groups.begin(), groups.end(), [&](const Group& g) {
      return g.op == placement.op && g.backend == placement.backend && g.reason == placement.reason;
    });
    if (same == groups.end()) {
      groups.push_back({placement.op, placement.backend, placement.reason, 1});
    } else {
      ++same->nodes;
    }
  }
  std::stable_sort(groups.begin(), groups.end(),
                   [](const Group& a, const Group& b) { return a.op < b.op; });
  return groups;
}

// A value that has its place in the arena.
struct Planned {
  std::string name;
  std::size_t offset = 0;
  std::size_t bytes = 0;
};

struct MemoryReport {
  ModelMemory model;
  std::size_t arena = 0;
  std::size_t sum = 0;  ///< what the planned values would take side by side
  std::vector<Planned> values = {};
};

MemoryReport memory_of(const Model& model) {
  MemoryReport report{.model = model.memory()};
  const Plan& plan = *model.state().plan;
  const MemoryPlan memory = plan.plan_memory(plan.static_extents());
  report.arena = memory.arena_bytes;
  for (std::size_t i = 0; i < memory.offsets.size(); ++i) {
    if (memory.offsets[i] == MemoryPlan::unplanned) continue;
    report.values.push_back(
        {model.graph().values[i].name, memory.offsets[i], memory.capacities[i]});
    report.sum += memory.capacities[i];
  }
  return report;
}

// The model of `graph` with its open axes at 1, so that sizes can be told; the model itself where
// that does not work (sequences, axes that do not fit).
Model with_open_axes_at_one(const Graph& graph, const Model& model, const GlobalOptions& global) {
  const auto fixed = try_call([&] {
    const auto values = made_up_inputs(model.inputs(), 1, {});
    return Model::from_graph(with_input_shapes(graph, values), global.model_options());
  });
  return fixed ? *fixed : model;
}

bool has_open_axes(const Model& model) {
  return std::any_of(model.inputs().begin(), model.inputs().end(),
                     [](const Model::Port& port) { return !port.type.static_shape(); });
}

void print_ports(const char* title, std::span<const Model::Port> ports) {
  for (const Model::Port& port : ports) {
    std::printf("%-12s%s  %s\n", title, port.name.c_str(), to_string(port.type).c_str());
    title = "";
  }
}

void print_contents(const Graph& graph, const Contents& contents) {
  for (const auto& [key, value] : graph.metadata) {
    std::printf("%-12s%s = %.200s\n", "metadata", key.c_str(), value.c_str());
  }
  for (const auto& [domain, version] : graph.opsets) {
    std::printf("%-12s%s %d\n", "opset", domain.empty() ? "ai.onnx" : domain.c_str(), version);
  }
  std::printf("%-12s%lld in %s\n", "parameters", static_cast<long long>(contents.parameters),
              format_bytes(static_cast<double>(contents.parameter_bytes)).c_str());
  const char* title = "operators";
  for (const auto& [op, nodes] : contents.operators) {
    std::printf("%-12s%5d  %s\n", title, nodes, op.c_str());
    title = "";
  }
}

void print_memory(const MemoryReport& memory, bool open_axes, bool list) {
  std::printf("%-12sconstants %s, packed weights %s\n", "memory",
              format_bytes(static_cast<double>(memory.model.constants)).c_str(),
              format_bytes(static_cast<double>(memory.model.packed)).c_str());
  std::printf("%-12sarena %s for %zu values that would take %s side by side\n", "",
              format_bytes(static_cast<double>(memory.arena)).c_str(), memory.values.size(),
              format_bytes(static_cast<double>(memory.sum)).c_str());
  if (open_axes)
    std::printf("%-12s(open axes taken as 1; values are placed when they are known)\n", "");
  if (!list) return;
  for (const Planned& value : memory.values) {
    std::printf("%12zu %10zu  %s\n", value.offset, value.bytes, value.name.c_str());
  }
}

void print_placements(const Model& model, bool list) {
  std::printf("as it runs  %zu nodes\n", model.placements().size());
  if (list) {
    for (const Placement& placement : model.placements()) {
      std::printf("  %-24s %-10s %s  (%s)\n", placement.op.c_str(), placement.backend.c_str(),
                  placement.node.c_str(), placement.reason.c_str());
    }
    return;
  }
  for (const Group& g : group(model.placements())) {
    std::printf("  %5d  %-24s %-10s %s\n", g.nodes, g.op.c_str(), g.backend.c_str(),
                g.reason.c_str());
  }
}

Json to_json(std::span<const Model::Port> ports) {
  Json list = Json::array();
  for (const Model::Port& port : ports) {
    Json dims = nullptr;
    if (port.type.has_rank) {
      dims = Json::array();
      for (const Dim& dim : port.type.dims) {
        dims.push_back(dim.known()          ? Json(dim.value)
                       : dim.symbol.empty() ? Json()
                                            : Json(dim.symbol));
      }
    }
    list.push_back({{"name", port.name},
                    {"type", to_string(port.type)},
                    {"dtype", name(port.type.dtype)},
                    {"dims", dims}});
  }
  return list;
}

Json to_json(const MemoryReport& memory) {
  Json values = Json::array();
  for (const Planned& value : memory.values) {
    values.push_back({{"name", value.name}, {"offset", value.offset}, {"bytes", value.bytes}});
  }
  return {{"constants", memory.model.constants},
          {"packed", memory.model.packed},
          {"arena", memory.arena},
          {"side_by_side", memory.sum},
          {"values", values}};
}

Json to_json(const Graph& graph, const Contents& contents) {
  return {{"metadata", graph.metadata},
          {"opsets", graph.opsets},
          {"parameters", contents.parameters},
          {"parameter_bytes", contents.parameter_bytes},
          {"operators", contents.operators}};
}

void inspect(const InspectArguments& arguments, const GlobalOptions& global) {
  const auto reader = file_reader(arguments.model);
  Graph graph = read_graph(*reader);
  Contents contents;
  count(graph, contents);
  if (!arguments.json) print_contents(graph, contents);
  Json json = to_json(graph, contents);

  ModelOptions options = global.model_options();
  if (arguments.passes) {
    if (!arguments.json) std::printf("\n== as read\n%s", graph.print().c_str());
    options.after_pass = [&](const Pass& pass, const Graph& after) {
      if (arguments.json) {
        json["passes"].push_back({{"name", pass.name}, {"graph", after.print()}});
      } else {
        std::printf("\n== after %s: %s\n%s", std::string(pass.name).c_str(),
                    std::string(pass.summary).c_str(), after.print().c_str());
      }
    };
  }
  const auto loaded = Model::try_from_graph(graph.clone(), options);
  if (!loaded) throw loaded.error().at({.file = arguments.model});
  const Model& model = *loaded;
  const Model sized = has_open_axes(model) ? with_open_axes_at_one(graph, model, global) : model;
  const MemoryReport memory = memory_of(sized);
  const Flops flops = count_flops(sized.graph());

  if (arguments.json) {
    json["inputs"] = to_json(model.inputs());
    json["outputs"] = to_json(model.outputs());
    json["flops"] = flops.count;
    json["memory"] = to_json(memory);
    for (const Placement& placement : model.placements()) {
      json["nodes"].push_back({{"name", placement.node},
                               {"op", placement.op},
                               {"backend", placement.backend},
                               {"reason", placement.reason}});
    }
    if (arguments.graph) json["graph"] = model.graph().print();
    std::printf("%s\n", json.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
    return;
  }
  print_ports("inputs", model.inputs());
  print_ports("outputs", model.outputs());
  print_memory(memory, has_open_axes(model), arguments.memory);
  std::printf("%-12s%.4g million operations%s\n", "arithmetic", flops.count / 1e6,
              flops.unknown_nodes == 0 ? "" : ", without nodes whose shapes depend on values");
  print_placements(model, arguments.nodes);
  if (arguments.graph) std::fputs(model.graph().print().c_str(), stdout);
}

}  // namespace

void add_inspect(CLI::App& app, const GlobalOptions& global) {
  auto arguments = std::make_shared<InspectArguments>();
  CLI::App* command = app.add_subcommand("inspect", "Show what a model is and how it would run");
  command->add_option("MODEL", arguments->model, "ONNX file")->required();
  command->add_flag("--passes", arguments->passes, "Print the graph after each pass");
  command->add_flag("--graph", arguments->graph, "Print the graph as it runs");
  command->add_flag("--nodes", arguments->nodes, "List every node with its backend");
  command->add_flag("--memory", arguments->memory, "List every planned value: offset, bytes, name");
  command->add_flag("--json", arguments->json, "Print JSON");
  command->callback([arguments, &global] { inspect(*arguments, global); });
}

}  // namespace inlay::cli
