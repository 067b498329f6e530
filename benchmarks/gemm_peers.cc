// The libraries that contractions are measured against, behind the protocol of serve.h.
//
//   gemm_peers openblas|mkl|onednn|libxsmm WORKLOAD THREADS
//
// Workloads: gemm/MxNxK (f32, C = A B, all row-major, operands as they come), gemm_f64/MxNxK, and
// gemm_bf16_gelu/MxNxK (bf16 operands, B packed beforehand, C = gelu(A B + bias) in bf16). OpenBLAS
// and MKL are looked for at run time (TENON_MKL names libmkl_rt.so), oneDNN and libxsmm when this
// is built. A library that is missing, or that has no such function, says so.
#include <dlfcn.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "benchmarks/serve.h"

#if defined(TENON_HAVE_ONEDNN)
#include <dnnl.hpp>
#endif
#if defined(TENON_HAVE_LIBXSMM)
#include <libxsmm.h>
#endif

namespace tenon::bench {
namespace {

struct Problem {
  std::string kind;
  int64_t m = 0, n = 0, k = 0;
  int threads = 1;
};

template <typename T>
std::shared_ptr<T[]> Matrix(int64_t count, uint32_t seed) {
  // Each at another offset modulo a page.
  const int64_t stagger = 640 * seed;
  char* base = static_cast<char*>(
      std::aligned_alloc(64, (static_cast<int64_t>(sizeof(T)) * count + stagger + 127) / 64 * 64));
  T* data = reinterpret_cast<T*>(base + stagger);
  FillRandom(data, count, seed);
  return std::shared_ptr<T[]>(data, [base](T*) { std::free(base); });
}

// cblas_?gemm: row-major, no transposes, C = A B.
template <typename T>
using CblasGemm = void (*)(int order, int trans_a, int trans_b, int m, int n, int k, T alpha,
                           const T* a, int lda, const T* b, int ldb, T beta, T* c, int ldc);

template <typename T>
std::function<void(int64_t)> CblasRun(void* library, const char* symbol, const Problem& p) {
  const auto gemm = reinterpret_cast<CblasGemm<T>>(dlsym(library, symbol));
  if (gemm == nullptr) return {};
  auto a = Matrix<T>(p.m * p.k, 1), b = Matrix<T>(p.k * p.n, 2), c = Matrix<T>(p.m * p.n, 3);
  const int m = static_cast<int>(p.m), n = static_cast<int>(p.n), k = static_cast<int>(p.k);
  return [=](int64_t steps) {
    constexpr int kRowMajor = 101, kNoTranspose = 111;
    for (int64_t i = 0; i < steps; ++i) {
      gemm(kRowMajor, kNoTranspose, kNoTranspose, m, n, k, T{1}, a.get(), k, b.get(), n, T{0},
           c.get(), n);
    }
  };
}

void CblasServe(void* library, const Problem& p, Served* served) {
  if (p.kind == "gemm") served->run = CblasRun<float>(library, "cblas_sgemm", p);
  if (p.kind == "gemm_f64") served->run = CblasRun<double>(library, "cblas_dgemm", p);
  if (!served->run) served->skip = "has no such function";
}

Served OpenBlas(const Problem& p) {
  Served served{.peer = "OpenBLAS", .version = "?"};
  void* library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_GLOBAL);
  if (library == nullptr) {
    served.skip = "libopenblas.so.0 is not installed";
    return served;
  }
  const auto set = reinterpret_cast<void (*)(int)>(dlsym(library, "openblas_set_num_threads"));
  if (set != nullptr) set(p.threads);
  const auto config = reinterpret_cast<char* (*)()>(dlsym(library, "openblas_get_config"));
  if (config != nullptr) {
    // "OpenBLAS 0.3.21 ... SkylakeX MAX_THREADS=64"
    const std::string text = config();
    const size_t start = text.find(' ') + 1;
    served.version = text.substr(start, text.find(' ', start) - start);
    served.note = text;
  }
  CblasServe(library, p, &served);
  return served;
}

Served Mkl(const Problem& p) {
  Served served{.peer = "MKL", .version = "?"};
  const char* path = std::getenv("TENON_MKL");
  const std::string file = path != nullptr ? path : "libmkl_rt.so";
  // MKL's threads are Intel's OpenMP, which lies beside it.
  const std::string folder = file.substr(0, file.rfind('/') + 1);
  dlopen((folder + "libiomp5.so").c_str(), RTLD_NOW | RTLD_GLOBAL);
  void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (library == nullptr) {
    served.skip = "no libmkl_rt.so (TENON_MKL names it)";
    return served;
  }
  const auto set = reinterpret_cast<void (*)(int)>(dlsym(library, "MKL_Set_Num_Threads"));
  if (set != nullptr) set(p.threads);
  const auto version =
      reinterpret_cast<void (*)(char*, int)>(dlsym(library, "MKL_Get_Version_String"));
  if (version != nullptr) {
    char text[256] = {};
    version(text, sizeof(text) - 1);
    // "Intel(R) oneAPI Math Kernel Library Version 2026.2-Product Build ..."
    const std::string all = text;
    const size_t at = all.find("Version ");
    if (at != std::string::npos) served.version = all.substr(at + 8, all.find('-', at) - at - 8);
    served.note = all.substr(0, all.find_last_not_of(' ') + 1);
  }
  CblasServe(library, p, &served);
  return served;
}

#if defined(TENON_HAVE_ONEDNN)
Served OneDnn(const Problem& p) {
  using namespace dnnl;  // NOLINT: the library's own way
  const dnnl_version_t* v = dnnl_version();
  Served served{.peer = "oneDNN",
                .version = std::to_string(v->major) + "." + std::to_string(v->minor) + "." +
                           std::to_string(v->patch)};
  const bool bf16 = p.kind == "gemm_bf16_gelu";
  if (!bf16 && p.kind != "gemm") {
    served.skip = "has no such function";
    return served;
  }
  struct State {
    engine cpu{engine::kind::cpu, 0};
    stream queue{cpu};
    matmul product;
    std::unordered_map<int, memory> args;
  };
  auto state = std::make_shared<State>();
  using Tag = memory::format_tag;
  const auto type = bf16 ? memory::data_type::bf16 : memory::data_type::f32;
  const memory::desc a({p.m, p.k}, type, Tag::ab), c({p.m, p.n}, type, Tag::ab);
  const memory::desc plain_b({p.k, p.n}, type, Tag::ab);
  const memory::desc b({p.k, p.n}, type, bf16 ? Tag::any : Tag::ab);
  const memory::desc bias({1, p.n}, memory::data_type::f32, Tag::ab);
  primitive_attr attributes;
  if (bf16) {
    post_ops gelu;
#if DNNL_VERSION_MAJOR >= 3
    gelu.append_eltwise(algorithm::eltwise_gelu_erf, 0, 0);
#else
    gelu.append_eltwise(1, algorithm::eltwise_gelu_erf, 0, 0);
#endif
    attributes.set_post_ops(gelu);
  }
#if DNNL_VERSION_MAJOR >= 3
  const auto primitive = bf16 ? matmul::primitive_desc(state->cpu, a, b, bias, c, attributes)
                              : matmul::primitive_desc(state->cpu, a, b, c, attributes);
#else
  const auto description = bf16 ? matmul::desc(a, b, bias, c) : matmul::desc(a, b, c);
  const matmul::primitive_desc primitive(description, attributes, state->cpu);
#endif
  state->product = matmul(primitive);
  served.note = primitive.impl_info_str();
  const auto filled = [&](const memory::desc& d, uint32_t seed) {
    // Through f32, so that the numbers are ordinary ones.
    memory plain(memory::desc(d.dims(), memory::data_type::f32, Tag::ab), state->cpu);
    FillRandom(static_cast<float*>(plain.get_data_handle()), d.dims()[0] * d.dims()[1], seed);
    memory result(d, state->cpu);
    reorder(plain, result).execute(state->queue, plain, result);
    state->queue.wait();
    return result;
  };
  memory packed(primitive.weights_desc(), state->cpu), raw = filled(plain_b, 2);
  reorder(raw, packed).execute(state->queue, raw, packed);
  state->queue.wait();
  state->args = {{DNNL_ARG_SRC, filled(a, 1)},
                 {DNNL_ARG_WEIGHTS, packed},
                 {DNNL_ARG_DST, memory(c, state->cpu)}};
  if (bf16) state->args.insert({DNNL_ARG_BIAS, filled(bias, 4)});
  served.run = [state](int64_t steps) {
    for (int64_t i = 0; i < steps; ++i) state->product.execute(state->queue, state->args);
    state->queue.wait();
  };
  return served;
}
#else
Served OneDnn(const Problem&) { return {.peer = "oneDNN", .skip = "libdnnl-dev was not there"}; }
#endif

#if defined(TENON_HAVE_LIBXSMM)
Served Xsmm(const Problem& p) {
  Served served{.peer = "libxsmm", .version = LIBXSMM_VERSION};
  if (p.kind != "gemm" || p.threads != 1) {
    served.skip = "small products on one thread only";
    return served;
  }
  // Column-major: C^T = B^T A^T.
  const auto m = static_cast<libxsmm_blasint>(p.n), n = static_cast<libxsmm_blasint>(p.m),
             k = static_cast<libxsmm_blasint>(p.k);
  const float alpha = 1, beta = 0;
  const int flags = LIBXSMM_GEMM_FLAG_NONE, prefetch = LIBXSMM_PREFETCH_NONE;
  const libxsmm_smmfunction kernel =
      libxsmm_smmdispatch(m, n, k, &m, &k, &m, &alpha, &beta, &flags, &prefetch);
  if (kernel == nullptr) {
    served.skip = "makes no kernel of this size";
    return served;
  }
  served.note = libxsmm_get_target_arch();
  auto a = Matrix<float>(p.m * p.k, 1), b = Matrix<float>(p.k * p.n, 2),
       c = Matrix<float>(p.m * p.n, 3);
  served.run = [=](int64_t steps) {
    for (int64_t i = 0; i < steps; ++i) kernel(b.get(), a.get(), c.get());
  };
  return served;
}
#else
Served Xsmm(const Problem&) { return {.peer = "libxsmm", .skip = "libxsmm-dev was not there"}; }
#endif

Served Find(const std::string& peer, const Problem& p) {
  if (peer == "openblas") return OpenBlas(p);
  if (peer == "mkl") return Mkl(p);
  if (peer == "onednn") return OneDnn(p);
  if (peer == "libxsmm") return Xsmm(p);
  return {.peer = peer, .skip = "unknown: openblas, mkl, onednn or libxsmm"};
}

}  // namespace
}  // namespace tenon::bench

int main(int argc, char** argv) {
  using namespace tenon::bench;  // NOLINT: a program, not a header
  if (argc != 4) {
    std::fprintf(stderr, "usage: gemm_peers PEER WORKLOAD THREADS\n");
    return 1;
  }
  const WorkloadName name(argv[2]);
  if (name.sizes.size() != 3) {
    std::fprintf(stderr, "'%s' is no KIND/MxNxK\n", argv[2]);
    return 1;
  }
  const Problem problem{name.kind, name.sizes[0], name.sizes[1], name.sizes[2], std::atoi(argv[3])};
  return Serve(Find(argv[1], problem));
}
