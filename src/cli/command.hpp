// What the subcommands share: global options, and how each one is made.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "inlay/inlay.hpp"

namespace inlay::cli {

struct GlobalOptions {
  std::string isa;
  std::string backend;
  int threads = 1;
  bool progress = false;

  ModelOptions model_options() const;
  SessionOptions session_options() const { return {.threads = threads}; }

 private:
  mutable std::shared_ptr<const Registry> registry_;  // made when it is asked for, once
};

/// Adds a subcommand whose callback does the work. The callback throws what goes wrong, or
/// CLI::RuntimeError for an exit code when all has been said.
void add_inspect(CLI::App& app, const GlobalOptions& global);
void add_run(CLI::App& app, const GlobalOptions& global);
void add_verify(CLI::App& app, const GlobalOptions& global);
void add_compare(CLI::App& app, const GlobalOptions& global);
void add_conformance(CLI::App& app, const GlobalOptions& global);
void add_operators(CLI::App& app, const GlobalOptions& global);
void add_prepare(CLI::App& app, const GlobalOptions& global);
void add_quantize(CLI::App& app, const GlobalOptions& global);
void add_bench(CLI::App& app, const GlobalOptions& global);

/// What ImageDecoder decodes in this build.
std::vector<std::string> image_formats();

/// "3.4 MiB".
std::string format_bytes(double bytes);
/// "1.23 ms", from seconds.
std::string format_seconds(double seconds);
/// Errors: io.
void write_file(const std::string& path, const std::string& content);
/// Rewrites one line on stderr.
void show_progress(const std::string& text);
void clear_progress();

}  // namespace inlay::cli
