// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/field_list.hpp>
#include <sluice/multipart_parser.hpp>
#include <sluice/request.hpp>
#include <sluice/task.hpp>
#include <sluice/urlencoded.hpp>

#include <boost/asio/buffer.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

namespace detail {
class spill_file;
}

/// A multipart/form-data body, pulled part by part as the client sends it: what the app does not read, sluice does not read
/// from the web server. Nothing is copied, and no more is held than `limits::input_window`.
///
///     sluice::multipart_reader form(req);
///     while (const auto* part = co_await form.next_part()) {
///         while (true) {
///             const auto piece = co_await form.read_some();
///             if (piece.size() == 0)
///                 break;
///             …
///
/// Errors of both calls, thrown as `system_error` with words that say what was wrong: those of `multipart_parser`; of reading the
/// body. Thrown on by an app before its head they are a 400, 413 or 415 (`status_of`). An error stays.
///
/// Object lifetimes: not longer than the request.
/// Thread safety: none; use it on the request's executor.
class multipart_reader {
public:
    /// With the server's `limits::form`, or others.
    /// Errors: throws `system_error`, `unsupported_form` when Content-Type is not multipart/form-data, `bad_form` when it
    /// names no boundary, `body_too_large` when the announced length passes `form_limits::body`.
    explicit multipart_reader(request& req);
    multipart_reader(request& req, const form_limits& l);

    /// The next part, null behind the last; skips what has not been read of the one before. Valid until the next call.
    task<const form_part*> next_part();

    /// Some bytes of the part, at least one; none at its end. Valid until the next call.
    task<boost::asio::const_buffer> read_some();

private:
    friend class form_builder;

    task<multipart_parser::event> next_event();
    void fail() const;

    request_body body_;
    multipart_parser parser_;
    std::string_view input_;  ///< what is left of the block on loan
    std::size_t on_loan_ = 0; ///< bytes of that block
    bool in_part_ = false;
    bool put_back_ = false; ///< `read_some` gives the same again
};

/// A file that came with a form, in an unlinked temporary file: it goes with this object, which takes the kernel some 0.2 ms a MiB
/// where it is in memory: let another thread destroy what is very large.
/// Thread safety: as the standard containers; it may outlive the request.
class uploaded_file {
public:
    explicit uploaded_file(const form_part& part);
    uploaded_file(uploaded_file&&) noexcept;
    uploaded_file& operator=(uploaded_file&&) noexcept;
    ~uploaded_file();

    std::string name;         ///< of the form's field
    std::string filename;     ///< as the client calls it: see `form_part::filename` before you use it
    std::string content_type; ///< as the client says

    std::uint64_t size() const noexcept;

    /// Reads up to `to.size()` bytes from byte `position` on; fewer only at the end. Errors: throws `system_error`.
    std::size_t read_at(std::uint64_t position, boost::asio::mutable_buffer to) const;

private:
    friend class form_builder;
    std::unique_ptr<detail::spill_file> content_;
};

/// A form that was read to its end.
struct form {
    /// Files that are kept of one form, over it the form is refused (413): each is a descriptor, of which a process has 1024. As
    /// PHP's max_file_uploads. Who takes the files himself has `form_limits::parts` alone.
    static constexpr std::size_t most_files = 20;

    field_list fields; ///< but for the files; names may repeat, their order is kept
    std::vector<uploaded_file> files;
};

/// Takes one file of a form: pulls it by `read_some` of the reader. What it does not read is skipped.
///
/// Give a lambda a name, and that to `read_form`: GCC 12 destroys one that is written inside the `co_await` twice, when it
/// captures more than references.
using file_handler = std::function<task<void>(const form_part&, multipart_reader&)>;

/// Reads the form of a request: multipart/form-data, or application/x-www-form-urlencoded. Fields are kept in memory; files
/// go to temporary files in TMPDIR (else /tmp), written by threads that may wait for the disk, or to `on_file`, one after the other as
/// they come. A file input in
/// which nothing was chosen (no name, no bytes) is no file. A request without Content-Type and body is a form without fields.
///
///     const auto form = co_await sluice::read_form(req);
///     const auto title = form.fields.get("title");
///
/// Limits: `limits::form` of the server unless others are given. Temporary files of one request stay within `form_limits::body`;
/// on their number only the number of requests sets a bound: have TMPDIR on a file system that may be full.
///
/// Errors: as `multipart_reader`; `unsupported_form` for another Content-Type; of a temporary file, the system's; what `on_file`
/// throws.
task<form> read_form(request& req);
task<form> read_form(request& req, file_handler on_file);
task<form> read_form(request& req, file_handler on_file, form_limits l);

} // namespace sluice
