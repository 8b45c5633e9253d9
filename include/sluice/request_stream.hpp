// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/detail/turn.hpp>
#include <sluice/detail/unique_function.hpp>
#include <sluice/errc.hpp>
#include <sluice/inflow.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace sluice {

class exchange;
class loop_resources;

/// One stream of a request on its way to the app: the body, or a filter's data. An exchange has them.
///
/// Holds the rules of reading: the end at the announced length (R19), what is missing is an error, what nobody reads
/// holds back the transport or, where that would do harm, goes to a file.
///
/// Sans-I/O. Thread safety: none.
class request_stream {
public:
    /// `name` is for the log.
    request_stream(exchange& x, const char* name);

    // The transport's side.

    /// Bytes that `arrived` takes now. Unlimited when nobody will read them.
    std::size_t credit() const noexcept;

    /// Before `arrived`, where the transport reads on whether or not the app does: `n` more bytes that would take the
    /// file past `limits::spill`, or all files past `limits::spill_total`, make the stream fail, for the app, with
    /// `body_too_large`.
    void limit_spill(std::size_t n);

    /// More than the credit goes to a file.
    void arrived(std::span<const std::byte> bytes);

    /// `cut_off`: the peer stopped without saying that this was all. Only an announced length tells a whole stream then.
    void ended(bool cut_off = false);

    /// True until `ended`.
    bool open() const noexcept { return open_; }
    /// True while the app waits for bytes.
    bool reading() const noexcept { return static_cast<bool>(reader_); }
    /// True when the app does not read and the file has room.
    bool may_spill() const noexcept;

    // The exchange's side.

    /// More is to come when `follows`, at most `most` bytes (0: any number). False when the pool has no block for it.
    bool begin(bool follows, std::optional<std::uint64_t> length, std::uint64_t most);

    /// What is not read of `before`, the transport sends first: it is given up when this one is read. A read of it that
    /// waits ends with `already_finished`.
    void comes_after(request_stream& before) noexcept { before_ = &before; }

    /// The response needs no more of it.
    void discard() noexcept { discard_ = true; }

    /// The app is told of `reason`, whatever there is to read.
    void fail(error_code reason);

    /// The transport is gone, and what was not read.
    void close();

    /// As new, but for the memory.
    void reset() noexcept;

    // The app's side.

    std::optional<std::uint64_t> length() const noexcept { return length_; }

    /// A read would say that this is the end.
    bool at_end() const noexcept { return in_.size() == 0 && !lost_ && whole(); }

    /// What can be read without waiting; 0 with neither `ec` nor `end`: nothing now.
    std::size_t try_read(std::span<std::byte> to, error_code& ec, bool& end);
    /// False when another read is waiting; `done` gets `operation_pending` then.
    bool read(std::span<std::byte> to, detail::unique_function<void(error_code, std::size_t)> done);

    /// Waits until `front` has something to say.
    bool wait(detail::unique_function<void(error_code)> done);

    /// Takes all of it in, to be read any number of times, or fails: with `body_too_large` where that is more than `most`
    /// bytes, or than `limits::spill` and `spill_total` allow a file; with `body_already_read`.
    bool buffer(std::uint64_t most, detail::unique_function<void(error_code)> done);
    void cancel_read();

    /// What can be read without waiting, where it lies; as `inflow::front`. Empty as the 0 of `try_read`.
    std::span<const std::byte> front(error_code& ec, bool& end);
    void consume(std::size_t n);

    /// All of it was taken in.
    bool buffered() const noexcept { return in_.kept() && !lost_ && !error_ && whole(); }

    /// Where reading goes on. Preconditions of `seek`: buffered().
    std::uint64_t position() const noexcept { return in_.position(); }
    void seek(std::uint64_t position) noexcept { in_.seek(position); }

    /// Bytes that have come.
    std::uint64_t received() const noexcept { return received_; }

    exchange& owner() noexcept { return exchange_; }

private:
    enum class reader_wants : unsigned char { bytes, front, all };

    struct resume_task final : detail::turn::task {
        explicit resume_task(request_stream& s) noexcept : stream(s) {}
        void run() override;
        request_stream& stream;
    };

    void give_up();
    bool complete() const noexcept;
    bool whole() const noexcept { return complete() || (!open_ && !error_); }
    bool start_wait(reader_wants what, detail::unique_function<void(error_code, std::size_t)> done);
    bool serve(error_code& ec, std::size_t& n);
    void say_why_nothing(error_code& ec, bool& end) const noexcept;
    void keep_out(const char* limit);
    bool file_has_room(std::size_t n) const noexcept;
    void count_spilled() noexcept;
    void want();
    void wake();
    void resume();

    exchange& exchange_;
    loop_resources& resources_;
    const char* name_;
    inflow in_;
    request_stream* before_ = nullptr;
    bool open_ = false;
    bool discard_ = false;
    bool lost_ = false;                   ///< some of it was thrown away unread
    error_code error_;                    ///< why reading is impossible
    std::optional<std::uint64_t> length_; ///< announced
    std::uint64_t most_ = 0;
    std::uint64_t received_ = 0;
    std::uint64_t keep_most_ = 0; ///< of what is buffered
    std::uint64_t spilled_ = 0;   ///< as counted among the loop's figures

    detail::unique_function<void(error_code, std::size_t)> reader_;
    reader_wants wants_ = reader_wants::bytes;
    std::span<std::byte> reader_buffer_;
    error_code reader_result_; ///< operation_aborted when cancelled
    resume_task task_;
};

} // namespace sluice
