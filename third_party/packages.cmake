# What kvdiff does not write itself. Debian's packages, and libtorch from the PyPI wheel.
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(pcre2 REQUIRED IMPORTED_TARGET libpcre2-8)
add_library(PCRE2::8 ALIAS PkgConfig::pcre2)
pkg_check_modules(utf8proc REQUIRED IMPORTED_TARGET libutf8proc)
add_library(utf8proc::utf8proc ALIAS PkgConfig::utf8proc)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)
add_library(xxHash::xxhash ALIAS PkgConfig::xxhash)

# find_package(Torch) wants a CUDA toolkit even for CPU use, so the wheel's libraries are imported by hand.
if(KVDIFF_TORCH)
  if(NOT EXISTS "${KVDIFF_TORCH_DIR}/lib/libtorch_cpu.so")
    message(FATAL_ERROR "KVDIFF_TORCH_DIR=${KVDIFF_TORCH_DIR} holds no lib/libtorch_cpu.so. "
      "Run ./x build, which fetches it, or configure with -DKVDIFF_TORCH=OFF.")
  endif()
  file(STRINGS ${KVDIFF_TORCH_DIR}/version.py torch_version REGEX "^__version__")
  string(REGEX MATCH "[0-9][0-9a-z.+]*" KVDIFF_TORCH_VERSION "${torch_version}")
  add_library(torch::c10 SHARED IMPORTED)
  set_target_properties(torch::c10 PROPERTIES IMPORTED_LOCATION ${KVDIFF_TORCH_DIR}/lib/libc10.so)
  add_library(torch::cpu SHARED IMPORTED)
  set_target_properties(torch::cpu PROPERTIES
    IMPORTED_LOCATION ${KVDIFF_TORCH_DIR}/lib/libtorch_cpu.so
    INTERFACE_INCLUDE_DIRECTORIES
      "${KVDIFF_TORCH_DIR}/include;${KVDIFF_TORCH_DIR}/include/torch/csrc/api/include"
    INTERFACE_LINK_LIBRARIES torch::c10)
endif()
