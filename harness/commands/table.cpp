#include "harness/commands/command.h"

namespace kvdiff {

std::function<ExitCode()> declare_run(CLI::App& parser, const ReportRoom& reports);
std::function<ExitCode()> declare_diagnose(CLI::App& parser, const ReportRoom& reports);
std::function<ExitCode()> declare_show(CLI::App& parser, const ReportRoom& reports);
std::function<ExitCode()> declare_compare(CLI::App& parser, const ReportRoom& reports);
std::function<ExitCode()> declare_tokenize(CLI::App& parser, const ReportRoom& reports);
std::function<ExitCode()> declare_spec(CLI::App& parser, const ReportRoom& reports);
std::function<ExitCode()> declare_codec(CLI::App& parser, const ReportRoom& reports);
std::function<ExitCode()> declare_lifecycle(CLI::App& parser, const ReportRoom& reports);
std::function<ExitCode()> declare_list(CLI::App& parser, const ReportRoom& reports);
std::function<ExitCode()> declare_doctor(CLI::App& parser, const ReportRoom& reports);

namespace {

constexpr Command table[] = {
    {"run", "run one prompt through a reference and candidate caches, and compare",
     "  kvdiff run --scenario seed-sequence\n"
     "  kvdiff run --chat 'Explain how a refrigerator works.' --cache hqq:bits=4,group=64 --cache int8\n"
     "  kvdiff run --prompt-file prompt.txt --cache hqq:bits=2 --limit kld_mean=0.05 --report json:run.json\n"
     "  kvdiff run --scenario mine.json --tokens 64 --list-cases\n",
     declare_run},
    {"diagnose", "say why one cache parts: place, cause, and a cure that was tried",
     "  kvdiff diagnose --chat 'Explain how a refrigerator works.' --cache hqq:bits=4,group=64,residual=32\n"
     "  kvdiff diagnose --prompt-file prompt.txt --cache hqq:bits=2 --budget 2m\n"
     "  kvdiff diagnose --chat 'Name three rivers.' --cache int4 --budget 120 --report json:why.json --report markdown:why.md\n",
     declare_diagnose},
    {"show", "render and judge a stored report again, without running",
     "  kvdiff show run.json\n"
     "  kvdiff show run.json --limit kld_mean=0.02 --report markdown:run.md\n",
     declare_show},
    {"compare", "say what changed between two stored reports, lane by lane",
     "  kvdiff compare before.json after.json\n"
     "  kvdiff compare before.json after.json --anyway\n",
     declare_compare},
    {"tokenize", "text to token ids and pieces",
     "  kvdiff tokenize --prompt 'Hello, world'\n"
     "  kvdiff tokenize --chat 'Hello' --ids\n"
     "  kvdiff tokenize --prompt-file - < prompt.txt\n"
     "  kvdiff tokenize --json-lines < texts.jsonl\n",
     declare_tokenize},
    {"spec", "explain a cache spec, and say it as transformers and llama.cpp do",
     "  kvdiff spec hqq:bits=4,group=64+0,-1@hqq:bits=8\n"
     "  kvdiff spec '{\"backend\": \"hqq\", \"nbits\": 4, \"q_group_size\": 64}'\n"
     "  kvdiff spec -- -ctk f16 -ctv f16\n"
     "  kvdiff spec hqq:axis=1,residual=32 --forecast 49 --tokens 64\n",
     declare_spec},
    {"codec", "run a codec over a tensor of a safetensors file",
     "  kvdiff codec hqq:bits=4,group=64 keys.safetensors encoded.safetensors\n"
     "  kvdiff codec int8 step-000001.safetensors out.safetensors --tensor lane-2.forced/reference/layer-03/key_read --head-size 64\n",
     declare_codec},
    {"lifecycle", "fork, copy, crop, reset and reorder caches, and compare the bits",
     "  kvdiff lifecycle\n"
     "  kvdiff lifecycle --cache hqq:bits=4,residual=16 --cache int8 --tokens 40\n"
     "  kvdiff lifecycle --cache hqq:residual=16 --fault copy.copy\n",
     declare_lifecycle},
    {"list", "list backends, codecs, schedules, metrics, scenarios, reports or models",
     "  kvdiff list codecs\n"
     "  kvdiff list scenarios\n",
     declare_list},
    {"doctor", "check what works on this machine, and say what to do about what does not",
     "  kvdiff doctor\n"
     "  kvdiff doctor --model path/to/model\n",
     declare_doctor},
};

}  // namespace

std::span<const Command> commands() { return table; }

}  // namespace kvdiff
