// The `inlay` command.
#include <cstdio>
#include <exception>

#include "command.hpp"
#include "runtime/build_info.hpp"

namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::string version_text() {
  const inlay::BuildInfo info = inlay::build_info();
  return "inlay " + info.version + "\ncompiler          " + info.compiler + "\nlibrary           " +
         (info.shared ? "shared" : "static") + "\nopenmp            " +
         (info.openmp ? "yes" : "no") + "\nbackends          " + joined(info.backends) +
         "\ninstruction sets  " + joined(info.isas) + "\non this machine   " +
         joined(info.available_isas) + "\nused              " + info.default_isa +
         "\npictures          " + joined(inlay::cli::image_formats());
}

void add_commands(CLI::App& app, inlay::cli::GlobalOptions& global) {
  app.require_subcommand(1);
  // Global options may come after the subcommand, too.
  app.fallthrough();
  app.set_version_flag("--version", version_text, "Print the version and the build's options");
  app.add_option("--isa", global.isa, "Instruction set of the CPU kernels (default: the best)");
  app.add_option("--backend", global.backend, "Backend to ask first (default: all, fastest first)");
  app.add_option("--threads", global.threads, "Threads of a run")->check(CLI::Range(1, 1024));
  app.add_flag("--progress", global.progress, "Show progress on stderr");
  inlay::cli::add_inspect(app, global);
  inlay::cli::add_run(app, global);
  inlay::cli::add_verify(app, global);
  inlay::cli::add_compare(app, global);
  inlay::cli::add_conformance(app, global);
  inlay::cli::add_operators(app, global);
  inlay::cli::add_prepare(app, global);
  inlay::cli::add_quantize(app, global);
  inlay::cli::add_bench(app, global);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Runs neural networks: an ONNX model in, answers out.", "inlay");
  inlay::cli::GlobalOptions global;
  try {
    add_commands(app, global);
    app.parse(argc, argv);
    return 0;
  } catch (const CLI::RuntimeError& error) {
    return error.get_exit_code();
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "inlay: %s\n", error.what());
    return 1;
  }
}
