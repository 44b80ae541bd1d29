# Is there an nvcc that can compile the device layer? Sets CUDAToolkit_NVCC_EXECUTABLE, KVDIFF_NVCC_VERSION and, where not,
# KVDIFF_NO_CUDA: the reason in one line. Included by cuda.cmake; run as a script (cmake -P) it fails with that reason.
set(KVDIFF_NO_CUDA "")
find_program(CUDAToolkit_NVCC_EXECUTABLE nvcc HINTS ENV CUDA_PATH PATHS /usr/local/cuda PATH_SUFFIXES bin)
if(NOT CUDAToolkit_NVCC_EXECUTABLE)
  set(KVDIFF_NO_CUDA "no nvcc in PATH, in $CUDA_PATH/bin or in /usr/local/cuda/bin")
else()
  execute_process(COMMAND ${CUDAToolkit_NVCC_EXECUTABLE} --version OUTPUT_VARIABLE answer ERROR_QUIET)
  if(answer MATCHES "V([0-9]+\\.[0-9]+\\.[0-9]+)")
    set(KVDIFF_NVCC_VERSION ${CMAKE_MATCH_1})
  endif()
  if(NOT KVDIFF_NVCC_VERSION VERSION_GREATER_EQUAL 12.8)  # the first that knows sm_120
    set(KVDIFF_NO_CUDA "${CUDAToolkit_NVCC_EXECUTABLE} is of CUDA '${KVDIFF_NVCC_VERSION}', and 12.8 or newer is needed")
  endif()
endif()
if(CMAKE_SCRIPT_MODE_FILE STREQUAL CMAKE_CURRENT_LIST_FILE AND KVDIFF_NO_CUDA)
  message(FATAL_ERROR "${KVDIFF_NO_CUDA}")
endif()
