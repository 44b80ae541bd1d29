#pragma once
#include <string>
#include <string_view>

namespace kvdiff {

// Writes the whole of `content` or leaves what stood at `path` untouched: a new file beside it, flushed to the disk, then
// renamed over it. Links are followed; what is not a regular file (a pipe, /dev/stdout) is written in place. An empty path
// and "-" mean standard output. Throws UserError(io) that names the file, the reason and what to do.
void write_file(const std::string& path, std::string_view content);

// Throws as write_file would when the folder of `path` cannot take a new file: asked before a long run, not after it.
void require_writable(const std::string& path);

}  // namespace kvdiff
