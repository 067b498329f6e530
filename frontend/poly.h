// Poly<Base>: a copyable value that holds some immutable object derived from Base.
//
// Layers, losses, optimizers, metrics and callbacks are passed by it: `nn::Dense(64)` converts to
// Poly<nn::Layer> by itself. Copies share the object. What is a constant (an activation) and so
// knows no line of the user's takes the one on which it is passed.
#ifndef TENON_FRONTEND_POLY_H_
#define TENON_FRONTEND_POLY_H_

#include <concepts>
#include <memory>
#include <utility>

#include "tenon/frontend/core.h"

namespace tenon {

template <typename Base>
class Poly {
 public:
  template <std::derived_from<Base> T>
  Poly(T object,  // NOLINT: converting is what it is for
       [[maybe_unused]] SourceLocation location = SourceLocation::current()) {
    if constexpr (requires { object.At(location); }) {
      object_ = std::make_shared<const T>(object.At(location));
    } else {
      object_ = std::make_shared<const T>(std::move(object));
    }
  }

  const Base& operator*() const { return *object_; }
  const Base* operator->() const { return object_.get(); }

 private:
  std::shared_ptr<const Base> object_;
};

}  // namespace tenon

#endif  // TENON_FRONTEND_POLY_H_
