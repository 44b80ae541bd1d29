#include <fmt/format.h>

#include <iostream>
#include <memory>

#include "harness/commands/command.h"
#include "harness/commands/output.h"
#include "harness/model/files/folder.h"
#include "harness/run/prepare.h"
#include "harness/text/tokenize_lines.h"

namespace kvdiff {
namespace {

struct TokenizeFlags {
  RunOptions run;  // the model and the prompt, as `kvdiff run` takes them
  bool ids_only = false, json_lines = false, no_special = false;
};

Case case_of(const RunOptions& options) {
  Case run;
  for (const auto& [setting, value] : options.settings) setting->set(run, value);
  return run;
}

std::string ids_text(const std::vector<int32_t>& ids) { return fmt::format("{}\n", fmt::join(ids, ",")); }

std::string pieces_text(const Prompt& prompt, const Tokenizer& tokenizer) {
  std::string text = fmt::format("{} tokens, {}\n", prompt.token_ids.size(), prompt.format);
  for (size_t i = 0; i < prompt.token_ids.size(); ++i) {
    const int32_t id = prompt.token_ids[i];
    text += fmt::format("{:>6} {:>7}  {}{}\n", i, id, tokenizer.token_text(id), tokenizer.is_special(id) ? "  (special)" : "");
  }
  return text;
}

ExitCode talk_in_lines(const TokenizeFlags& flags, const Case& run) {
  const TextModel model = load_text_model(open_model_folder(resolve_model(run.model)));
  std::ios::sync_with_stdio(false);
  tokenize_lines(model.tokenizer, std::cin, std::cout, {.add_special_tokens = !flags.no_special, .skip_special_tokens = false});
  if (!std::cout.flush()) throw UserError(ExitCode::io, "cannot write to standard output");
  return ExitCode::passed;
}

ExitCode tokenize(const TokenizeFlags& flags) {
  const Case run = case_of(flags.run);
  if (flags.json_lines) return talk_in_lines(flags, run);
  check(run.prompt);
  const ModelFolder folder = open_model_folder(resolve_model(run.model));
  const TextModel model = load_text_model(folder);
  const Prompt prompt = load_prompt(prompt_request(run.prompt), model, read_model_config(folder).vocabulary_size);
  for (const std::string& warning : prompt.warnings) std::cerr << "kvdiff: warning: " << warning << "\n";
  print(flags.ids_only ? ids_text(prompt.token_ids) : pieces_text(prompt, model.tokenizer));
  return ExitCode::passed;
}

}  // namespace

std::function<ExitCode()> declare_tokenize(CLI::App& parser, const ReportRoom&) {
  const auto flags = std::make_shared<TokenizeFlags>();
  add_run_flags(parser, flags->run, {"--model", "--prompt", "--prompt-file", "--chat", "--system", "--messages", "--token-ids"});
  parser.add_flag("--ids", flags->ids_only, "the ids alone, as --token-ids takes them");
  parser.add_flag("--json-lines", flags->json_lines,
                  "JSON values from standard input, one a line: a text becomes its ids, a list of ids its text");
  parser.add_flag("--no-special", flags->no_special, "with --json-lines: no special tokens around a text");
  return [flags] { return tokenize(*flags); };
}

}  // namespace kvdiff
