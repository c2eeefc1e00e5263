# One translation unit per instruction set under src/backends/cpu/isa/, each with its own flags.
set(INLAY_ISA_FLAGS_sse2 "")
set(INLAY_ISA_FLAGS_avx2 -mavx2 -mfma -mf16c)
set(INLAY_ISA_FLAGS_avx512 -mavx512f -mavx512cd -mavx512dq -mavx512bw -mavx512vl -mfma -mf16c)
set(INLAY_ISA_FLAGS_neon64 "")
# The same with other kernels for integers.
set(INLAY_ISA_FLAGS_avxvnni ${INLAY_ISA_FLAGS_avx2} -mavxvnni)
set(INLAY_ISA_FLAGS_avx512vnni ${INLAY_ISA_FLAGS_avx512} -mavx512vnni)

if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(INLAY_ISAS sse2 avx2 avx512)
  set(INLAY_INTEGER_ISAS avxvnni avx512vnni)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64|ARM64")
  set(INLAY_ISAS neon64)
else()
  message(FATAL_ERROR "Inlay knows x86-64 and AArch64; this is ${CMAKE_SYSTEM_PROCESSOR}")
endif()

# A smaller build: the first one is for every processor, and integer kernels stand on those for f32.
set(INLAY_CPU_ISAS "" CACHE STRING "Instruction sets to have kernels for besides the oldest; empty: all")
if(INLAY_CPU_ISAS)
  foreach(isa IN LISTS INLAY_CPU_ISAS)
    if(NOT isa IN_LIST INLAY_ISAS AND NOT isa IN_LIST INLAY_INTEGER_ISAS)
      message(FATAL_ERROR "INLAY_CPU_ISAS: there are ${INLAY_ISAS};${INLAY_INTEGER_ISAS} here, not ${isa}")
    endif()
  endforeach()
  list(GET INLAY_ISAS 0 oldest)
  foreach(isa IN LISTS INLAY_ISAS)
    if(NOT isa STREQUAL oldest AND NOT isa IN_LIST INLAY_CPU_ISAS)
      list(REMOVE_ITEM INLAY_ISAS ${isa})
    endif()
  endforeach()
  foreach(isa IN LISTS INLAY_INTEGER_ISAS)
    string(REGEX REPLACE "^avx512vnni$" avx512 floats ${isa})
    string(REGEX REPLACE "^avxvnni$" avx2 floats ${floats})
    if(NOT isa IN_LIST INLAY_CPU_ISAS OR NOT floats IN_LIST INLAY_ISAS)
      list(REMOVE_ITEM INLAY_INTEGER_ISAS ${isa})
    endif()
  endforeach()
endif()

# GCC 12 reports its own intrinsics' undefined values as uninitialized reads, and turns loops over a
# few floats into calls of memset.
set(INLAY_ISA_GNU_FLAGS -Wno-uninitialized -Wno-maybe-uninitialized -fno-tree-loop-distribute-patterns)

# Unoptimised kernels would leave untagged weak symbols behind; sanitizers, whose code is slow to
# compile, run on this processor alone.
set(INLAY_ISA_OPTIMIZATION -O3)
if(INLAY_SANITIZE)
  set(INLAY_ISA_OPTIMIZATION -O1)
endif()
# Half of the code of a sanitized kernel asks what AddressSanitizer finds too, or the processor where
# a vector load says that it is aligned.
if(INLAY_SANITIZE MATCHES "address.*undefined")
  list(APPEND INLAY_ISA_OPTIMIZATION
    $<$<CXX_COMPILER_ID:Clang,AppleClang>:-fno-sanitize=null,pointer-overflow,object-size,vptr,alignment>)
endif()

function(inlay_add_isa_sources target)
  foreach(isa IN LISTS INLAY_ISAS INLAY_INTEGER_ISAS)
    set(source ${PROJECT_SOURCE_DIR}/src/backends/cpu/isa/${isa}.cpp)
    target_sources(${target} PRIVATE ${source})
    set_source_files_properties(${source} TARGET_DIRECTORY ${target} PROPERTIES
      COMPILE_OPTIONS "${INLAY_ISA_FLAGS_${isa}};${INLAY_ISA_OPTIMIZATION};-fno-math-errno;-fno-trapping-math;-ffp-contract=off;$<$<CXX_COMPILER_ID:GNU>:${INLAY_ISA_GNU_FLAGS}>")
    target_compile_definitions(${target} PRIVATE INLAY_HAS_ISA_${isa})
  endforeach()
endfunction()
