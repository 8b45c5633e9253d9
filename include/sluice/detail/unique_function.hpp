// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <boost/asio/recycling_allocator.hpp>

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace sluice::detail {

template <class Signature>
class unique_function;

/// A move-only function object that keeps callables of up to six words in place: Asio's coroutine handlers
/// fit, so waiting allocates nothing. (std::move_only_function is C++23.)
template <class... Args>
class unique_function<void(Args...)> {
    static constexpr std::size_t room = 6 * sizeof(void*);

    struct operations {
        void (*call)(void*, Args...);
        void (*move)(void* from, void* to) noexcept;
        void (*destroy)(void*) noexcept;
    };

    template <class F>
    static constexpr bool in_place = sizeof(F) <= room &&
                                     alignof(F) <= alignof(void*) && std::is_nothrow_move_constructible_v<F>;

    // Larger ones come from Asio's per-thread cache of handler memory, so that repeated operations allocate nothing either.
    template <class F>
    using allocator = boost::asio::recycling_allocator<F>;

    template <class F, class Arg>
    static F* make(Arg&& arg)
    {
        F* const p = allocator<F>().allocate(1);
        try {
            return ::new (static_cast<void*>(p)) F(std::forward<Arg>(arg));
        } catch (...) {
            allocator<F>().deallocate(p, 1);
            throw;
        }
    }

    template <class F>
    static void drop(F* p) noexcept
    {
        p->~F();
        allocator<F>().deallocate(p, 1);
    }

    template <class F>
    static constexpr operations direct = {
        [](void* p, Args... args) { (*static_cast<F*>(p))(std::forward<Args>(args)...); },
        [](void* from, void* to) noexcept {
            ::new (to) F(std::move(*static_cast<F*>(from)));
            static_cast<F*>(from)->~F();
        },
        [](void* p) noexcept { static_cast<F*>(p)->~F(); },
    };

    template <class F>
    static constexpr operations on_heap = {
        [](void* p, Args... args) { (**static_cast<F**>(p))(std::forward<Args>(args)...); },
        [](void* from, void* to) noexcept { ::new (to) F*(*static_cast<F**>(from)); },
        [](void* p) noexcept { drop(*static_cast<F**>(p)); },
    };

public:
    unique_function() = default;

    template <class F>
    requires(!std::is_same_v<std::decay_t<F>, unique_function> &&
             std::is_invocable_v<std::decay_t<F>&, Args...>) unique_function(F&& f)
    {
        using callable = std::decay_t<F>;
        if constexpr (in_place<callable>) {
            ::new (static_cast<void*>(storage_)) callable(std::forward<F>(f));
            operations_ = &direct<callable>;
        } else {
            ::new (static_cast<void*>(storage_)) callable*(make<callable>(std::forward<F>(f)));
            operations_ = &on_heap<callable>;
        }
    }

    unique_function(unique_function&& other) noexcept { take(other); }
    unique_function& operator=(unique_function&& other) noexcept
    {
        if (this != &other) {
            clear();
            take(other);
        }
        return *this;
    }
    ~unique_function() { clear(); }

    explicit operator bool() const noexcept { return operations_ != nullptr; }

    /// Precondition: holds a callable.
    void operator()(Args... args) { operations_->call(storage_, std::forward<Args>(args)...); }

private:
    void take(unique_function& other) noexcept
    {
        operations_ = std::exchange(other.operations_, nullptr);
        if (operations_)
            operations_->move(other.storage_, storage_);
    }
    void clear() noexcept
    {
        if (operations_)
            std::exchange(operations_, nullptr)->destroy(storage_);
    }

    alignas(void*) std::byte storage_[room];
    const operations* operations_ = nullptr;
};

} // namespace sluice::detail
