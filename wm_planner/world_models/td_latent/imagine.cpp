// Imagines candidate action sequences with a latent world model, on a processor.
//
// The candidates are cut into blocks of rows. A block goes through all layers and all steps while
// its activations stay in the cache of one core: matrix products, and between them LayerNorm, SiLU
// and SimNorm in float. The products are oneDNN's brgemm where it has code for the processor (AMX
// and AVX-512), else the tiles below, which any compiler with GCC's vectors turns into AVX2, NEON or
// SSE. TDLatent.rollout is the reference; native.py gathers the weights, library.py builds.

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/native/CPUBlas.h>
#include <torch/library.h>
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <optional>
#include <tuple>
#include <type_traits>
#include <vector>

namespace {

using at::Tensor;
#if defined(__AVX512F__)
constexpr int64_t kBytes = 64;  // of a vector register
#elif defined(__AVX2__)
constexpr int64_t kBytes = 32;
#else
constexpr int64_t kBytes = 16;
#endif
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int64_t kRegisters = 32;
#else
constexpr int64_t kRegisters = 16;
#endif
constexpr int64_t kLanes = kBytes / sizeof(float);
constexpr int64_t kBlock = kBytes == 64 ? 256 : 128;  // most rows of a block: what a core caches
constexpr float kEpsilon = 1e-5;                      // of LayerNorm, as in PyTorch

using Vec [[gnu::vector_size(kBytes)]] = float;
using Bits [[gnu::vector_size(kBytes)]] = uint32_t;
using Halves [[gnu::vector_size(kBytes / 2)]] = uint16_t;

// ---- Numbers, a vector at a time ----------------------------------------------------------------

Vec splat(float x) { return Vec{} + x; }

template <typename T>
Vec load_lanes(const T* from) {
  if constexpr (std::is_same_v<T, float>) {
    Vec x;
    std::memcpy(&x, from, sizeof x);
    return x;
  } else {
    Halves x;
    std::memcpy(&x, from, sizeof x);
    return std::bit_cast<Vec>(__builtin_convertvector(x, Bits) << 16);
  }
}

template <typename T>
void store_lanes(Vec x, T* to) {
  if constexpr (std::is_same_v<T, float>) {
    std::memcpy(to, &x, sizeof x);
  } else {
#if defined(__AVX512BF16__)
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), (__m256i)_mm512_cvtneps_pbh(x));
#else
    const Bits bits = std::bit_cast<Bits>(x);
    const Bits nearest = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;  // even, if there are two
    const Halves y = __builtin_convertvector(x == x ? nearest : Bits{} + 0x7fc0, Halves);
    std::memcpy(to, &y, sizeof y);
#endif
  }
}

// `start` x^n + c[0] x^(n - 1) + ...
template <size_t N>
Vec polynomial(Vec x, float start, const float (&c)[N]) {
  Vec y = splat(start);
  for (const float next : c) y = y * x + next;
  return y;
}

// e^x; relative error below 3e-7, or 8e-5 where the result is rounded to bfloat16 anyway.
template <typename T>
Vec exponential(Vec x) {
  constexpr float kLog2e = 1.44269504f;
#if defined(__AVX512F__)
  const Vec t = x * kLog2e;
  const Vec whole = _mm512_roundscale_ps(t, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
#else
  constexpr float kRound = 12582912;  // 1.5 * 2^23: a number this large has no fraction
  Vec t = x * kLog2e;
  t = t < -126.0f ? splat(-126.0f) : t;
  t = t > 127.0f ? splat(127.0f) : t;
  const Vec shifted = t + kRound, whole = shifted - kRound;
#endif
  const Vec f = t - whole;  // in [-0.5, 0.5]; p is a polynomial for 2^f
  Vec p;
  if constexpr (std::is_same_v<T, float>)
    p = polynomial(f, 1.32765e-3f, {9.67554e-3f, 5.550713e-2f, 2.402212e-1f, 6.931470e-1f, 1.0f});
  else
    p = polynomial(f, 5.517167e-2f, {2.426111e-1f, 6.932610e-1f, 9.999281e-1f});
#if defined(__AVX512F__)
  return _mm512_scalef_ps(p, whole);
#else
  return p * std::bit_cast<Vec>((std::bit_cast<Bits>(shifted) << 23) + 0x3f800000);  // 2^whole
#endif
}

// 1 / x for x > 0; relative error below 1e-7, or 6.2e-5 where it is rounded to bfloat16 anyway.
template <typename T>
Vec reciprocal(Vec x) {
#if defined(__AVX512F__)
  const Vec guess = _mm512_rcp14_ps(x);
  if constexpr (!std::is_same_v<T, float>) return guess;
  const Vec better = guess * (2.0f - x * guess);
  return guess == 0 ? guess : better;  // where x is infinite, Newton's step is 0 * inf
#else
  return 1.0f / x;
#endif
}

// f(f(x[0], x[4]), f(x[2], x[6])) and so on
template <typename F>
float reduced(Vec x, const F& f) {
  for (int64_t n = kLanes / 2; n > 0; n /= 2)
    for (int64_t i = 0; i < n; ++i) x[i] = f(x[i], x[i + n]);
  return x[0];
}

float total(Vec x) {
  return reduced(x, [](float a, float b) { return a + b; });
}

Vec larger(Vec a, Vec b) { return a > b ? a : b; }

float largest(Vec x) {
  return reduced(x, [](float a, float b) { return a > b ? a : b; });
}

// ---- Layers -------------------------------------------------------------------------------------

// Whether oneDNN's brgemm multiplies numbers of type T with vectors or tiles of its own.
#if defined(__AVX512F__)
template <typename T>
constexpr bool kBrgemm = true;
#else
template <typename T>
constexpr bool kBrgemm = !std::is_same_v<T, float>;
#endif

constexpr int64_t kTileRows = 6;  // of a product that stays in registers
constexpr int64_t kTileVectors = kRegisters / 8;  // columns of it, in vectors

template <typename T>  // columns of a weight panel
constexpr int64_t kPanel = kBrgemm<T> ? 64 : kTileVectors * kLanes;

// c (R, columns of a panel) = x (R, inputs) panel; `apart` is between the rows of c
template <int64_t R>
void multiply_tile(const float* x, int64_t inputs, const float* panel, float* c, int64_t apart) {
  Vec sum[R][kTileVectors] = {};
#pragma GCC unroll 4
  for (int64_t k = 0; k < inputs; ++k, panel += kTileVectors * kLanes) {
    Vec w[kTileVectors];
#pragma GCC unroll 8
    for (int64_t v = 0; v < kTileVectors; ++v) w[v] = load_lanes(panel + v * kLanes);
#pragma GCC unroll 8
    for (int64_t r = 0; r < R; ++r)
#pragma GCC unroll 8
      for (int64_t v = 0; v < kTileVectors; ++v) sum[r][v] += x[r * inputs + k] * w[v];
  }
#pragma GCC unroll 8
  for (int64_t r = 0; r < R; ++r)
#pragma GCC unroll 8
    for (int64_t v = 0; v < kTileVectors; ++v) store_lanes(sum[r][v], c + r * apart + v * kLanes);
}

// The same for any number of rows: as many at once as there are registers, then what is left.
template <int64_t R = kTileRows>
void multiply_panel(const float* x, int64_t rows, int64_t inputs, const float* panel, float* c,
                    int64_t apart) {
  for (; rows >= R; rows -= R, x += R * inputs, c += R * apart)
    multiply_tile<R>(x, inputs, panel, c, apart);
  if constexpr (R > 1) multiply_panel<R - 1>(x, rows, inputs, panel, c, apart);
}

template <typename T>
struct Linear {
  const T* weight;  // as `pack` orders it
  const float* bias;
  int64_t inputs, outputs;

  // c (rows, outputs) = x (rows, inputs) weight; whoever reads c adds the bias
  void product(const T* x, int64_t rows, float* c) const {
    for (int64_t column = 0; column < outputs; column += kPanel<T>) {
      const T* panel = weight + column * inputs;
      if constexpr (kBrgemm<T>) {
        const int64_t columns = std::min(kPanel<T>, outputs - column);
        at::native::cpublas::brgemm(rows, columns, inputs, inputs, columns, outputs, false, x,
                                    panel, c + column, !std::is_same_v<T, float>);
      } else {
        multiply_panel(x, rows, inputs, panel, c + column, outputs);
      }
    }
  }
};

// A weight (inputs, outputs) panel by panel, each (inputs, columns); in bfloat16 in pairs of rows.
template <typename T>
Tensor packed(const Tensor& weight) {
  std::vector<Tensor> panels;
  for (const Tensor& panel : weight.split(kPanel<T>, 1))
    panels.push_back(std::is_same_v<T, float>
                         ? panel.flatten()
                         : panel.unflatten(0, {-1, 2}).transpose(1, 2).flatten());
  return at::cat(panels);
}

struct Affine {
  const float *scale, *shift;
};

template <typename T>
struct MLP {  // two hidden layers of Linear, LayerNorm and SiLU, then a Linear
  Linear<T> first, second, last;
  Affine first_norm, second_norm;
};

struct Addend {  // inputs too few for a product of their own: adds x (rows, size) weight
  const float* x = nullptr;
  int64_t stride = 0, size = 0;  // of a row of x
  const float* weight = nullptr;  // (size, outputs)
};

// to = silu(layer_norm(c + bias + addend)), whose rows have mean 0: native.py centres the weights.
// Spoils c (rows, n).
template <typename T>
void norm_silu(float* c, int64_t rows, int64_t n, const float* bias, Affine norm, Addend addend,
               T* to) {
  for (int64_t row = 0; row < rows; ++row, c += n, to += n) {
    Vec squares{};
    for (int64_t i = 0; i < n; i += kLanes) {
      Vec x = load_lanes(c + i) + load_lanes(bias + i);
      for (int64_t j = 0; j < addend.size; ++j)
        x += addend.x[row * addend.stride + j] * load_lanes(addend.weight + j * n + i);
      store_lanes(x, c + i);
      squares += x * x;
    }
    const float inverse = 1 / std::sqrt(total(squares) / n + kEpsilon);
    for (int64_t i = 0; i < n; i += kLanes) {
      const Vec y = load_lanes(c + i) * inverse * load_lanes(norm.scale + i) +
                    load_lanes(norm.shift + i);
      store_lanes(y * reciprocal<T>(1.0f + exponential<T>(-y)), to + i);
    }
  }
}

// to = softmax of c + bias over the members i, i + n / group, i + 2 n / group, ...; spoils c
template <typename T>
void simnorm(float* c, int64_t rows, int64_t n, const float* bias, int64_t group, T* to) {
  const int64_t apart = n / group;
  for (int64_t row = 0; row < rows; ++row, c += n, to += n) {
    for (int64_t i = 0; i < apart; i += kLanes) {
      Vec top = splat(-INFINITY), sum{};
      for (int64_t j = i; j < n; j += apart) {
        const Vec x = load_lanes(c + j) + load_lanes(bias + j);
        store_lanes(x, c + j);
        top = larger(top, x);
      }
      for (int64_t j = i; j < n; j += apart) {
        const Vec e = exponential<T>(load_lanes(c + j) - top);
        store_lanes(e, c + j);
        sum += e;
      }
      const Vec scale = reciprocal<T>(sum);
      for (int64_t j = i; j < n; j += apart) store_lanes(load_lanes(c + j) * scale, to + j);
    }
  }
}

// out[row * stride] = the one output of `last`
template <typename T>
void read_scalar(const Linear<T>& last, const T* x, int64_t rows, float* out, int64_t stride) {
  for (int64_t row = 0; row < rows; ++row, x += last.inputs) {
    Vec sum{};
    for (int64_t i = 0; i < last.inputs; i += kLanes)
      sum += load_lanes(x + i) * load_lanes(last.weight + i);
    out[row * stride] = total(sum) + last.bias[0];
  }
}

// out[row * stride] = symexp of the mean of `centres` (outputs,) under the softmax of `last`
template <typename T>
void read_two_hot(const Linear<T>& last, const T* x, int64_t rows, const float* centres, float* c,
                  float* out, int64_t stride) {
  last.product(x, rows, c);
  for (int64_t row = 0; row < rows; ++row, c += last.outputs) {
    Vec top = splat(-INFINITY), sum{}, weighted{};
    for (int64_t i = 0; i < last.outputs; i += kLanes) {
      const Vec y = load_lanes(c + i) + load_lanes(last.bias + i);
      store_lanes(y, c + i);
      top = larger(top, y);
    }
    const float most = largest(top);
    for (int64_t i = 0; i < last.outputs; i += kLanes) {
      const Vec e = exponential<float>(load_lanes(c + i) - most);
      sum += e;
      weighted += e * load_lanes(centres + i);
    }
    const float mean = total(weighted) / total(sum);
    out[row * stride] = std::copysign(std::expm1(std::abs(mean)), mean);
  }
}

// ---- The model ----------------------------------------------------------------------------------

template <typename T>
struct Model {
  MLP<T> dynamics, prior, reward;
  std::vector<MLP<T>> values;
  const float* action_weight;  // (actions, hidden): the dynamics' first layer takes them as well
  const float* centres;        // of the bins; nullptr if a head's output is the number itself
  int64_t latent, hidden, group;

  int64_t widest() const {
    return std::max({hidden, latent, reward.last.outputs, prior.last.outputs});
  }
};

template <typename T>
struct Scratch {  // of a thread; kept from call to call
  std::vector<T> z, a, b;
  std::vector<float> c;
};

// One block of rows, each with a latent of its own, through the networks.
template <typename T>
class Block {
 public:
  Block(const Model<T>& model, Scratch<T>& scratch, int64_t rows)
      : m(model), s(scratch), rows(rows) {
    s.z.resize(rows * m.latent);
    s.a.resize(rows * m.hidden);
    s.b.resize(rows * m.hidden);
    s.c.resize(rows * m.widest());
  }

  // Give row i the latent of batch element (first + i) / n.
  void start(const T* latents, int64_t first, int64_t n) {
    for (int64_t row = 0; row < rows; ++row)
      std::copy_n(latents + (first + row) / n * m.latent, m.latent, s.z.data() + row * m.latent);
  }

  // The same for what the dynamics' first layer makes of the latents, and then a step.
  void first_step(const float* products, int64_t first, int64_t n, Addend actions) {
    for (int64_t row = 0; row < rows; ++row)
      std::copy_n(products + (first + row) / n * m.hidden, m.hidden, s.c.data() + row * m.hidden);
    finish_step(actions);
  }

  void step(Addend actions) {
    m.dynamics.first.product(s.z.data(), rows, s.c.data());
    finish_step(actions);
  }

  // One number a row.
  void read(const MLP<T>& head, float* out, int64_t stride) {
    hidden_layers(head);
    if (m.centres)
      read_two_hot(head.last, s.b.data(), rows, m.centres, s.c.data(), out, stride);
    else
      read_scalar(head.last, s.b.data(), rows, out, stride);
  }

  // All outputs, without their bias: (rows, head.last.outputs)
  const float* outputs(const MLP<T>& head) {
    hidden_layers(head);
    head.last.product(s.b.data(), rows, s.c.data());
    return s.c.data();
  }

 private:
  void hidden_layers(const MLP<T>& mlp) {
    mlp.first.product(s.z.data(), rows, s.c.data());
    finish_hidden(mlp, {});
  }

  // From the first layer's products in c to the second layer's activations in b.
  void finish_hidden(const MLP<T>& mlp, Addend addend) {
    norm_silu(s.c.data(), rows, m.hidden, mlp.first.bias, mlp.first_norm, addend, s.a.data());
    mlp.second.product(s.a.data(), rows, s.c.data());
    norm_silu(s.c.data(), rows, m.hidden, mlp.second.bias, mlp.second_norm, {}, s.b.data());
  }

  // From the dynamics' first products in c to the next latent.
  void finish_step(Addend actions) {
    const MLP<T>& d = m.dynamics;
    finish_hidden(d, actions);
    d.last.product(s.b.data(), rows, s.c.data());
    simnorm(s.c.data(), rows, m.latent, d.last.bias, m.group, s.z.data());
  }

  const Model<T>& m;
  Scratch<T>& s;
  const int64_t rows;
};

// Run body(scratch, first row, rows) for blocks of `all` rows, on all of PyTorch's threads.
template <typename T, typename Body>
void for_blocks(int64_t all, const Body& body) {
  const int64_t share = (all + at::get_num_threads() - 1) / at::get_num_threads();
  const int64_t rows = std::min(kBlock, share);
  at::parallel_for(0, (all + rows - 1) / rows, 1, [&](int64_t begin, int64_t end) {
    static thread_local Scratch<T> scratch;
    for (int64_t i = begin; i < end; ++i) body(scratch, i * rows, std::min(rows, all - i * rows));
    at::native::cpublas::brgemm_release();
  });
}

// rewards (B, N, H), value and disagreement (B, N): mean and standard deviation of the value heads
template <typename T>
void imagine_with(const Model<T>& m, const Tensor& z, const Tensor& actions, float* rewards,
                  float* value, float* disagreement) {
  const int64_t n = actions.size(1), horizon = actions.size(2), size = actions.size(3);
  const int64_t all = actions.size(0) * n, members = m.values.size();
  const float* given = actions.const_data_ptr<float>();

  // What the first layer makes of the latent is the same for all candidates of a batch element.
  Tensor common = at::empty({z.size(0), m.hidden}, actions.options());
  m.dynamics.first.product(z.const_data_ptr<T>(), z.size(0), common.mutable_data_ptr<float>());
  const float* products = common.const_data_ptr<float>();

  for_blocks<T>(all, [&](Scratch<T>& scratch, int64_t first, int64_t rows) {
    Block<T> block(m, scratch, rows);
    for (int64_t t = 0; t < horizon; ++t) {
      const Addend taken{given + (first * horizon + t) * size, horizon * size, size,
                         m.action_weight};
      if (t == 0)
        block.first_step(products, first, n, taken);
      else
        block.step(taken);
      block.read(m.reward, rewards + first * horizon + t, horizon);
    }
    std::vector<float> values(members * rows);
    for (int64_t k = 0; k < members; ++k) block.read(m.values[k], values.data() + k, members);
    for (int64_t row = 0; row < rows; ++row) {
      const float* v = values.data() + row * members;
      float mean = 0, squares = 0;
      for (int64_t k = 0; k < members; ++k) mean += v[k] / members;
      for (int64_t k = 0; k < members; ++k) squares += (v[k] - mean) * (v[k] - mean);
      value[first + row] = mean;
      disagreement[first + row] = std::sqrt(squares / (members - 1));
    }
  });
}

// What a proposal draws from and gives, for `count` rows of a batch element; row 0 follows the mean
struct Proposal {
  const float *normal, *uniform;  // (B, count, H, A)
  const bool* is_switch;          // (A,)
  float low, high;                // range of the standard deviation
  float *actions, *mean, *std;    // (B, count, H, A), (B, H, A), (B, H, A)
};

float sigmoid(float x) { return 1 / (1 + std::exp(-x)); }

// TDLatent.prior_at and _sample for one row: the action at `at` from the head's 2 A `outputs`
inline void sample_prior(const Proposal& p, const float* outputs, const float* bias, int64_t size,
                         int64_t at, bool by_mean, float* mean_out, float* std_out) {
  for (int64_t j = 0; j < size; ++j) {
    const float x = outputs[j] + bias[j];
    const float mean = std::tanh(p.is_switch[j] ? x / 2 : x);
    const float free = p.low + (p.high - p.low) * sigmoid(outputs[size + j] + bias[size + j]);
    const float spread =
        p.is_switch[j] ? std::max(p.low, std::sqrt(std::max(1 - mean * mean, 1e-6f))) : free;
    float action;
    if (p.is_switch[j])
      action = by_mean ? float((mean > 0) - (mean < 0)) : p.uniform[at + j] < sigmoid(x) ? 1 : -1;
    else
      action = by_mean ? mean : std::clamp(mean + spread * p.normal[at + j], -1.0f, 1.0f);
    p.actions[at + j] = action;
    if (by_mean) {
      mean_out[j] = mean;
      std_out[j] = spread;
    }
  }
}

template <typename T>
void propose_with(const Model<T>& m, const MLP<T>& prior, const Tensor& z, int64_t count,
                  int64_t horizon, int64_t size, const Proposal& p) {
  const T* latents = z.const_data_ptr<T>();
  for_blocks<T>(z.size(0) * count, [&](Scratch<T>& scratch, int64_t first, int64_t rows) {
    Block<T> block(m, scratch, rows);
    block.start(latents, first, count);
    for (int64_t t = 0; t < horizon; ++t) {
      const float* outputs = block.outputs(prior);
      for (int64_t row = 0; row < rows; ++row) {
        const int64_t i = first + row, told = (i / count * horizon + t) * size;
        sample_prior(p, outputs + row * prior.last.outputs, prior.last.bias, size,
                     (i * horizon + t) * size, i % count == 0, p.mean + told, p.std + told);
      }
      block.step({p.actions + (first * horizon + t) * size, horizon * size, size,
                  m.action_weight});
    }
  });
}

// ---- From tensors -------------------------------------------------------------------------------

template <typename T>
Linear<T> linear(const Tensor& weight, const Tensor& bias) {
  return {weight.const_data_ptr<T>(), bias.const_data_ptr<float>(),
          weight.numel() / bias.numel(), bias.numel()};
}

constexpr int64_t kTensors = 10;  // of an MLP

template <typename T>
MLP<T> mlp(const Tensor* t) {
  return {linear<T>(t[0], t[1]),
          linear<T>(t[4], t[5]),
          linear<T>(t[8], t[9]),
          {t[2].const_data_ptr<float>(), t[3].const_data_ptr<float>()},
          {t[6].const_data_ptr<float>(), t[7].const_data_ptr<float>()}};
}

// mlps: 10 tensors each of dynamics, prior, reward and every value head: weight, bias, scale and
// shift of the LayerNorm, twice, then weight and bias.
template <typename T>
Model<T> model(const std::vector<Tensor>& mlps, const Tensor& action_weight,
               const std::optional<Tensor>& centres, int64_t latent, int64_t group) {
  Model<T> m{mlp<T>(&mlps[0]), mlp<T>(&mlps[kTensors]), mlp<T>(&mlps[2 * kTensors]), {},
             action_weight.const_data_ptr<float>(),
             centres ? centres->const_data_ptr<float>() : nullptr, latent, action_weight.size(1),
             group};
  for (size_t i = 3 * kTensors; i < mlps.size(); i += kTensors)
    m.values.push_back(mlp<T>(&mlps[i]));
  return m;
}

// run(model) in the number type of the latents `z`
template <typename Run>
void with_model(const Tensor& z, const std::vector<Tensor>& mlps, const Tensor& action_weight,
                const std::optional<Tensor>& centres, int64_t group, const Run& run) {
  if (z.scalar_type() == at::kBFloat16)
    run(model<at::BFloat16>(mlps, action_weight, centres, z.size(1), group));
  else
    run(model<float>(mlps, action_weight, centres, z.size(1), group));
}

void check(const Tensor& z, const Tensor& actions, const std::vector<Tensor>& mlps,
           const Tensor& action_weight) {
  TORCH_CHECK(mlps.size() % kTensors == 0 && mlps.size() >= 5 * kTensors, mlps.size(),
              " tensors, expected 10 each of 5 or more networks");
  TORCH_CHECK(z.dim() == 2 && actions.dim() == 4 && z.size(0) == actions.size(0) &&
                  actions.size(3) == action_weight.size(0),
              "z is ", z.sizes(), " and actions ", actions.sizes(),
              ", expected (B, D) and (B, N, H, ", action_weight.size(0), ")");
  TORCH_CHECK(z.scalar_type() == mlps[0].scalar_type() && actions.scalar_type() == at::kFloat,
              "z must be ", mlps[0].scalar_type(), " and actions float32");
}

std::tuple<Tensor, Tensor, Tensor> imagine(const Tensor& z, const Tensor& actions,
                                           const std::vector<Tensor>& mlps,
                                           const Tensor& action_weight,
                                           const std::optional<Tensor>& centres, int64_t group) {
  check(z, actions, mlps, action_weight);
  const Tensor latents = z.contiguous(), given = actions.contiguous();
  Tensor rewards = at::empty(given.sizes().slice(0, 3), given.options());
  Tensor value = at::empty(given.sizes().slice(0, 2), given.options());
  Tensor disagreement = at::empty_like(value);
  auto run = [&](const auto& m) {
    imagine_with(m, latents, given, rewards.mutable_data_ptr<float>(),
                 value.mutable_data_ptr<float>(), disagreement.mutable_data_ptr<float>());
  };
  with_model(latents, mlps, action_weight, centres, group, run);
  return {rewards, value, disagreement};
}

std::tuple<Tensor, Tensor, Tensor> propose(const Tensor& z, const Tensor& normal,
                                           const Tensor& uniform, const Tensor& is_switch,
                                           const std::vector<Tensor>& mlps,
                                           const Tensor& action_weight, int64_t group, double low,
                                           double high) {
  check(z, normal, mlps, action_weight);
  TORCH_CHECK(uniform.sizes() == normal.sizes() && normal.is_contiguous() &&
                  uniform.is_contiguous(),
              "normal and uniform must be contiguous and of one shape");
  const Tensor latents = z.contiguous();
  const int64_t count = normal.size(1), horizon = normal.size(2), size = normal.size(3);
  Tensor actions = at::empty_like(normal);
  Tensor mean = at::empty({z.size(0), horizon, size}, normal.options());
  Tensor std = at::empty_like(mean);
  const Proposal p{normal.const_data_ptr<float>(),
                   uniform.const_data_ptr<float>(),
                   is_switch.const_data_ptr<bool>(),
                   float(low),
                   float(high),
                   actions.mutable_data_ptr<float>(),
                   mean.mutable_data_ptr<float>(),
                   std.mutable_data_ptr<float>()};
  auto run = [&](const auto& m) { propose_with(m, m.prior, latents, count, horizon, size, p); };
  with_model(latents, mlps, action_weight, std::nullopt, group, run);
  return {actions, mean, std};
}

Tensor pack(const Tensor& weight) {
  const bool half = weight.scalar_type() == at::kBFloat16;
  TORCH_CHECK(weight.dim() == 2 && (half || weight.scalar_type() == at::kFloat),
              "the weight is ", weight.sizes(), " of ", weight.scalar_type(),
              ", expected (inputs, outputs) of float32 or bfloat16");
  const int64_t vectors = kBrgemm<float> ? 1 : kTileVectors;  // brgemm takes a narrower last panel
  const int64_t panel = half ? 2 : vectors * kLanes, axis = half ? 0 : 1;
  TORCH_CHECK(weight.size(axis) % panel == 0, "the weight is ", weight.sizes(),
              ", expected a multiple of ", panel, " on axis ", axis);
  return half ? packed<at::BFloat16>(weight) : packed<float>(weight);
}

}  // namespace

TORCH_LIBRARY(wm_planner, m) {
  m.def("pack(Tensor weight) -> Tensor");
  m.def(
      "imagine(Tensor z, Tensor actions, Tensor[] mlps, Tensor action_weight, Tensor? centres, "
      "int group) -> (Tensor rewards, Tensor value, Tensor disagreement)");
  m.def(
      "propose(Tensor z, Tensor normal, Tensor uniform, Tensor is_switch, Tensor[] mlps, "
      "Tensor action_weight, int group, float low, float high) -> (Tensor actions, Tensor mean, "
      "Tensor std)");
}

TORCH_LIBRARY_IMPL(wm_planner, CPU, m) {
  m.impl("pack", pack);
  m.impl("imagine", imagine);
  m.impl("propose", propose);
}
