// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/middleware/filter.hpp>
#include <sluice/middleware/transform.hpp>

#include <cstdint>
#include <memory>
#include <optional>

namespace sluice::middleware {

/// A sink that passes what is written through a transform. It holds one buffer of what the transform has made and the
/// next sink has not taken; while that is so it takes nothing.
///
///     open ──finish()──▶ finishing ──the transform's end is with the next sink──▶ finished
///
/// What is pending between two calls is moved on by the next write or flush, and by whoever waits. Only the end moves
/// on by itself, since nobody need wait for it.
class transform_sink final : public filter_sink {
public:
    /// `length`: the body's size as the app has announced it. `request_id` is for the log.
    transform_sink(sink_ptr next, std::unique_ptr<transform> t, std::optional<std::uint64_t> length,
                   std::uint64_t request_id);

    /// The app has returned, `well` or by an exception: a writer dropped by then ends the response, as without a
    /// filter.
    void app_returned(bool well);

    /// Nobody waits for the response any more: frees the transform and the buffer.
    void release() noexcept;

    std::size_t try_write(std::span<const std::byte> bytes, error_code& ec) override;
    std::span<std::byte> prepare(error_code& ec) override { return sink::prepare(ec); }
    void commit(std::size_t n) override { sink::commit(n); }
    bool try_flush(error_code& ec) override;
    bool wait(wait_for what, waiter w) override;
    void cancel_wait() override;
    void finish(error_code& ec) override;
    void abort(error_code reason) override;
    void writer_dropped() override;
    std::uint64_t accepted() const override { return accepted_; }
    std::uint64_t sent() const override;

private:
    bool may_write(error_code& ec) const;
    bool drain(error_code& ec);
    bool advance(error_code& ec);
    void ask_for_flush() noexcept;
    void note_flushed();
    void finish_next(error_code& ec);
    void wait_on_next(wait_for what);
    void resumed(error_code ec);
    void complete(error_code ec);

    std::unique_ptr<transform> transform_;
    std::unique_ptr<std::byte[]> buffer_;
    std::size_t begin_ = 0, end_ = 0; ///< of what is in the buffer
    transform::goal goal_ = transform::goal::take;
    bool unflushed_ = false;                   ///< something was taken since the last flush
    bool over_ = false, rest_dropped_ = false; ///< nothing more will come out; the next sink knows
    bool finishing_ = false, finished_ = false, dropped_ = false, app_returned_ = false;
    std::optional<std::uint64_t> length_;
    std::uint64_t request_id_;
    std::uint64_t accepted_ = 0;
    std::size_t budget_ = turn_input;

    // What `sent` knows: when the next sink has sent so many bytes, so many of ours are with the kernel.
    std::uint64_t flushed_next_ = 0, flushed_own_ = 0, sent_before_ = 0;

    waiter waiter_;
    wait_for waiting_for_ = wait_for::writable;
    bool next_waits_ = false; ///< we wait on the next sink
    wait_for next_waits_for_ = wait_for::writable;
};

/// Writes `body` from `at` on into `s` as there is room, then finishes and drops it: what becomes of a body given
/// whole.
void write_whole(sink_ptr s, std::string body, std::size_t at = 0);

} // namespace sluice::middleware
