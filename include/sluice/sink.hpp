// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/detail/ref_counted.hpp>
#include <sluice/detail/unique_function.hpp>
#include <sluice/errc.hpp>
#include <sluice/task.hpp>

#include <boost/config.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace sluice {

/// Called once with the outcome of a wait.
using waiter = detail::unique_function<void(error_code)>;

/// What a writer can wait for.
enum class wait_for {
    writable, ///< `try_write` would take something, or fail
    flushed,  ///< the kernel has every byte accepted so far
    finished, ///< the end of the response has been handed over
};

/// What a writer writes into. A transport's own response is a sink, and so is each middleware's filter around
/// another sink: because credit, readiness, flush and abort are all here, flow control passes through whatever
/// is stacked.
///
/// Thread safety: none; used from its executor only.
class sink : public virtual detail::ref_counted {
public:
    virtual executor get_executor() const = 0;

    /// Takes as much of `bytes` as there is room for now, in order, and says how much. 0 without an error
    /// means: wait for `writable`. What is not taken is not looked at again: the buffer may go at once.
    virtual std::size_t try_write(std::span<const std::byte> bytes, error_code& ec) = 0;

    /// Room of the sink's own for what comes from elsewhere, up to a block: to be filled from its beginning, then
    /// `commit`ted. Empty without an error: there is none now, wait for `writable`. Valid until the next call of any other
    /// function. Errors: the sink's; `operation_not_supported` from a sink that lends none.
    virtual std::span<std::byte> prepare(error_code& ec);

    /// Takes the first `n` bytes of what `prepare` gave. 0 gives the room back.
    virtual void commit(std::size_t n);

    /// Moves what was accepted towards the kernel; true when nothing is left behind.
    virtual bool try_flush(error_code& ec) = 0;

    /// Calls `w` once `what` is so, or with the error that makes it impossible; never from inside this call.
    /// One wait at a time: a second gets `errc::operation_pending`, and this says false.
    virtual bool wait(wait_for what, waiter w) = 0;

    /// Ends a pending wait with `operation_aborted`. The sink itself is not changed.
    virtual void cancel_wait() = 0;

    /// Calls `handler`, a completion handler of the app, soon and never from inside this call. One that throws fails its
    /// response and nothing else (R39, R40).
    virtual void complete_soon(detail::unique_function<void()> handler);

    /// Says that the response is complete. Idempotent. Errors: that of the sink; `length_short` when fewer
    /// bytes than announced were written, and the response is then aborted.
    virtual void finish(error_code& ec) = 0;

    /// The rest of the body does not go out: from now on this is as a sink of a response without one (see `wants_body`), and
    /// what was accepted before is all of it. For a middleware that answers with a body of its own.
    virtual void drop_rest() {}

    /// Gives the response up: it is made to fail visibly where the web server can pass that on.
    virtual void abort(error_code reason) = 0;

    /// The writer was destroyed. Before `finish`, the response ends with the app (see `writer`).
    virtual void writer_dropped() = 0;

    /// Why writing is no longer possible; no error while it is.
    virtual error_code error() const = 0;

    /// False when nothing of the body goes out (HEAD, 204, 304): writes succeed, and a source need not be read.
    /// A middleware's sink passes on what the one behind it says; else all is read, and thrown away there.
    virtual bool wants_body() const { return true; }

    /// Body bytes taken from the app so far.
    virtual std::uint64_t accepted() const = 0;

    /// Body bytes of those that the kernel has.
    virtual std::uint64_t sent() const = 0;

    /// Copies all of `bytes` into the put area, if they fit; else nothing. Sixteen bytes cost what a `memcpy` costs.
    BOOST_FORCEINLINE bool put(std::span<const std::byte> bytes) noexcept
    {
        // With a size of 0 the difference wraps around: nothing is to be copied from what may be a null pointer.
        if (bytes.size() - 1 >= put_area_.room())
            return false;
        std::memcpy(put_area_.next, bytes.data(), bytes.size());
        put_area_.next += bytes.size();
        return true;
    }

protected:
    /// Room in which small writes end up without a virtual call, as in the put area of a `std::streambuf`. It is closed
    /// unless a sink opens it, and a sink that does counts what was put before it looks at its own state.
    struct put_area {
        std::byte* next = nullptr;
        std::byte* end = nullptr;

        std::size_t room() const noexcept { return static_cast<std::size_t>(end - next); }
    };
    put_area put_area_;
};

using sink_ptr = boost::intrusive_ptr<sink>;

} // namespace sluice
