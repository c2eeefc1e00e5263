// The Inlay side of bench/peers: runs one model when told to, on lines of text; worker.py speaks
// the same for the other engines.
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "inlay/inlay.hpp"
#include "io/npy.hpp"

namespace {

using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr int most_runs = 20000;  // in one turn
constexpr const char* start_variable = "INLAY_PEER_START";

std::int64_t now() { return Clock::now().time_since_epoch() / std::chrono::nanoseconds(1); }

double milliseconds_since(std::int64_t start) { return static_cast<double>(now() - start) / 1e6; }

/// Bytes, of a line of /proc/self/status such as VmHWM.
std::int64_t status_bytes(const std::string& key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(key + ":")) return 1024 * std::atoll(line.c_str() + key.size() + 1);
  }
  return 0;
}

std::vector<inlay::Value> load_inputs(const std::filesystem::path& folder, std::size_t count) {
  std::vector<inlay::Value> inputs;
  for (std::size_t i = 0; i < count; ++i) {
    inputs.push_back(inlay::io::load_npy(folder / ("input_" + std::to_string(i) + ".npy")));
  }
  return inputs;
}

std::size_t count_inputs(const std::filesystem::path& folder) {
  std::size_t count = 0;
  while (std::filesystem::exists(folder / ("input_" + std::to_string(count) + ".npy"))) ++count;
  return count;
}

class Peer {
 public:
  Peer(const char* model, std::span<const inlay::Value> inputs, int threads)
      : model_(inlay::Model::load(model, {.threads = threads})),
        session_(model_, {.threads = threads}) {
    std::vector<inlay::NamedValue> named;
    if (inputs.size() != model_.inputs().size()) {
      throw inlay::Error(inlay::ErrorCode::invalid_argument,
                         "the folder does not hold one value for each input of the model");
    }
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      named.emplace_back(model_.inputs()[i].name, inputs[i]);
    }
    bound_.emplace(session_.bind(named));
  }

  void run() { bound_->run(); }

  Json write_outputs(const std::filesystem::path& folder) {
    std::size_t written = 0;
    for (std::size_t i = 0; i < model_.outputs().size(); ++i) {
      const inlay::Value& value = bound_->output(i);
      if (!value.is_tensor()) continue;
      inlay::io::save_npy(value.tensor(), folder / ("output_" + std::to_string(i) + ".npy"));
      ++written;
    }
    return {{"outputs", written}};
  }

  Json measure(double seconds, int least, int warm_up) {
    for (int i = 0; i < warm_up; ++i) run();
    std::vector<std::int64_t> times;
    const std::int64_t begin = now();
    const auto more = [&] {
      const int count = static_cast<int>(times.size());
      const bool time_left = static_cast<double>(now() - begin) < seconds * 1e9;
      return count < least || (time_left && count < most_runs);
    };
    while (more()) {
      const std::int64_t start = now();
      run();
      times.push_back(now() - start);
    }
    return {{"times_ns", times}};
  }

 private:
  inlay::Model model_;
  inlay::Session session_;
  std::optional<inlay::BoundRun> bound_;
};

void reply(const Json& json) { std::cout << json.dump() << std::endl; }

void serve(Peer& peer, std::int64_t memory_not_counted) {
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string command;
    words >> command;
    if (command == "outputs") {
      std::string folder;
      std::getline(words >> std::ws, folder);
      reply(peer.write_outputs(folder));
    } else if (command == "run") {
      double seconds = 0;
      int least = 0;
      int warm_up = 0;
      words >> seconds >> least >> warm_up;
      reply(peer.measure(seconds, least, warm_up));
    } else if (command == "peak") {
      reply({{"peak_bytes", status_bytes("VmHWM") - memory_not_counted}});
    } else if (command == "quit") {
      return;
    } else {
      reply({{"error", "unknown command: " + line}});
    }
  }
}

int prepare(const char* model, const char* file) {
  const auto result = inlay::try_call([&] { inlay::Model::load(model).save_prepared(file); });
  if (!result) std::cerr << result.error().what() << '\n';
  return result ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 4 && std::string_view(argv[1]) == "--prepare") return prepare(argv[2], argv[3]);
  if (argc != 4) {
    std::cerr << "usage: inlay_peer MODEL INPUTS THREADS | inlay_peer --prepare MODEL FILE\n";
    return 2;
  }
  // Starts itself once more, so that loading the program is part of the time to the first output.
  const char* started = std::getenv(start_variable);
  if (!started) {
    setenv(start_variable, std::to_string(now()).c_str(), 1);
    execv("/proc/self/exe", argv);
    std::cerr << "cannot start /proc/self/exe\n";
    return 2;
  }
  const double startup = milliseconds_since(std::atoll(started));
  try {
    const std::int64_t before = status_bytes("VmRSS");
    const std::filesystem::path folder = argv[2];
    const auto inputs = load_inputs(folder, count_inputs(folder));
    const std::int64_t inputs_bytes = status_bytes("VmRSS") - before;

    const std::int64_t load_start = now();
    const int threads = std::atoi(argv[3]);
    Peer peer(argv[1], inputs, threads);
    const double load = milliseconds_since(load_start);
    const std::int64_t first_start = now();
    peer.run();
    reply({{"version", INLAY_VERSION_STRING},
           {"settings", "threads=" + std::to_string(threads) + ", bound inputs and outputs"},
           {"startup_ms", startup},
           {"load_ms", load},
           {"first_ms", milliseconds_since(first_start)}});
    serve(peer, inputs_bytes);
  } catch (const std::exception& error) {
    reply({{"error", error.what()}});
  }
}
