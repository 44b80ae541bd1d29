# Compiles a .cu file once for all of KVDIFF_CUDA_ARCHITECTURES, and keeps what ptxas says of registers and shared memory in
# ptxas.log beside the object. Not by CMake's own CUDA language: that has no place for the log.
# Run as a script it calls nvcc:  cmake -DLOG=FILE -DVERSION=NVCC'S -P compile.cmake -- COMMAND...

# The rules of C++ hold for kernels too: no contraction, IEEE division and square root, no flush to zero; warnings are errors,
# and so are registers that spill.
function(kvdiff_compile_cuda source object)
  get_filename_component(folder ${object} DIRECTORY)
  list(TRANSFORM KVDIFF_CUDA_ARCHITECTURES REPLACE "(.+)" "-gencode=arch=compute_\\1,code=sm_\\1" OUTPUT_VARIABLE architectures)
  file(MAKE_DIRECTORY ${folder})
  add_custom_command(OUTPUT ${object} ${folder}/ptxas.log
    COMMAND ${CMAKE_COMMAND} -DLOG=${folder}/ptxas.log -DVERSION=${KVDIFF_NVCC_VERSION} -P ${CMAKE_CURRENT_FUNCTION_LIST_FILE} --
      ${CMAKE_CXX_COMPILER_LAUNCHER} ${CUDAToolkit_NVCC_EXECUTABLE} -ccbin=${CMAKE_CXX_COMPILER}
      -std=c++20 -O3 -I${PROJECT_SOURCE_DIR} --expt-relaxed-constexpr
      -fmad=false -prec-div=true -prec-sqrt=true -ftz=false -Xcompiler=-ffp-contract=off
      --Werror=all-warnings -Xptxas=-v,-warn-spills
      ${architectures} --threads=2 -MD -MF ${object}.d -c ${source} -o ${object}
    DEPENDS ${source} ${CMAKE_CURRENT_FUNCTION_LIST_FILE} DEPFILE ${object}.d
    COMMENT "Compiling the kernels for GPUs" VERBATIM)
endfunction()

if(NOT CMAKE_SCRIPT_MODE_FILE STREQUAL CMAKE_CURRENT_LIST_FILE)
  return()
endif()
set(command "")
set(own OFF)
math(EXPR last "${CMAKE_ARGC} - 1")
foreach(i RANGE ${last})
  if(own)
    list(APPEND command "${CMAKE_ARGV${i}}")
  elseif("${CMAKE_ARGV${i}}" STREQUAL "--")
    set(own ON)
  endif()
endforeach()
execute_process(COMMAND ${command} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE errors)
file(WRITE ${LOG} "nvcc ${VERSION}\n${output}${errors}")
if(NOT status EQUAL 0)
  string(REGEX REPLACE "ptxas info[^\n]*\n([ ]+[0-9][^\n]*\n)?" "" told "${output}${errors}")
  message(FATAL_ERROR "nvcc ended with ${status}:\n${told}")
endif()
