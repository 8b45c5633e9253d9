// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/form.hpp>

#include <sluice/detail/file_threads.hpp>
#include <sluice/detail/parameters.hpp>
#include <sluice/detail/spill_file.hpp>
#include <sluice/detail/text.hpp>

#include <fmt/format.h>

#include <utility>

namespace sluice {

using event = multipart_parser::event;

namespace {

std::string_view text_of(boost::asio::const_buffer b) noexcept
{
    return {static_cast<const char*>(b.data()), b.size()};
}

std::string_view content_type_of(const request& req) noexcept
{
    return req.env().get("CONTENT_TYPE");
}

bool is_type(std::string_view content_type, std::string_view type) noexcept
{
    return text::equal_nocase(detail::trim_blanks(content_type.substr(0, content_type.find(';'))), type);
}

[[noreturn]] void refuse_type(std::string_view content_type)
{
    std::string given;
    text::append_quoted(content_type, given);
    throw system_error(errc::unsupported_form, "Content-Type is " + given);
}

void check_length(const request_body& body, const form_limits& l)
{
    if (body.length().value_or(0) > l.body)
        throw system_error(
            errc::body_too_large,
            fmt::format("a form of {} bytes is announced, form_limits::body is {}", *body.length(), l.body));
}

std::string boundary_for(request& req, const form_limits& l)
{
    const auto type = content_type_of(req);
    if (!is_type(type, "multipart/form-data"))
        refuse_type(type);
    auto boundary = boundary_of(type);
    if (!boundary) {
        std::string given;
        text::append_quoted(type, given);
        throw system_error(errc::bad_form, "Content-Type names no boundary that could be one: " + given);
    }
    check_length(req.body(), l);
    return *std::move(boundary);
}

} // namespace

// Parts as they come

multipart_reader::multipart_reader(request& req) : multipart_reader(req, req.limits().form) {}

multipart_reader::multipart_reader(request& req, const form_limits& l)
    : body_(req.body()), parser_(boundary_for(req, l), l)
{}

void multipart_reader::fail() const
{
    throw system_error(parser_.error(), parser_.fault());
}

task<event> multipart_reader::next_event()
{
    for (;;) {
        const auto e = parser_.next(input_);
        if (e == event::failed)
            fail();
        if (e != event::need_more)
            co_return e;
        body_.consume(std::exchange(on_loan_, 0));
        input_ = text_of(co_await body_.read_block());
        on_loan_ = input_.size();
        if (input_.empty() && parser_.finish() == event::failed)
            fail();
    }
}

task<const form_part*> multipart_reader::next_part()
{
    put_back_ = false;
    for (;;) {
        const auto e = co_await next_event();
        in_part_ = e == event::part_begin;
        if (in_part_)
            co_return &parser_.part();
        if (e == event::done)
            co_return nullptr;
    }
}

task<boost::asio::const_buffer> multipart_reader::read_some()
{
    if (in_part_ && !std::exchange(put_back_, false))
        in_part_ = co_await next_event() == event::part_data;
    const auto data = in_part_ ? parser_.data() : std::string_view();
    co_return boost::asio::const_buffer(data.data(), data.size());
}

// Files that are kept

uploaded_file::uploaded_file(const form_part& part)
    : name(part.name), filename(part.filename.value_or("")), content_type(part.content_type),
      content_(std::make_unique<detail::spill_file>())
{}

uploaded_file::uploaded_file(uploaded_file&&) noexcept = default;
uploaded_file& uploaded_file::operator=(uploaded_file&&) noexcept = default;
uploaded_file::~uploaded_file() = default;

std::uint64_t uploaded_file::size() const noexcept
{
    return content_->size();
}

std::size_t uploaded_file::read_at(std::uint64_t position, boost::asio::mutable_buffer to) const
{
    error_code ec;
    const auto n = content_->read_at(position, {static_cast<std::byte*>(to.data()), to.size()}, ec);
    if (ec)
        throw system_error(ec, "sluice::uploaded_file::read_at");
    return n;
}

// Whole forms

/// What `read_form` does, in pieces that need no coroutine of their own for each byte.
class form_builder {
public:
    form_builder(request& req, const file_handler& on_file, const form_limits& l)
        : request_(req), on_file_(on_file), limits_(l)
    {}

    task<void> read_multipart()
    {
        multipart_reader in(request_, limits_);
        while (const auto* const part = co_await in.next_part()) {
            if (part->is_file())
                co_await read_file(*part, in);
            else
                co_await read_field(*part, in);
        }
    }

    task<void> read_urlencoded()
    {
        auto body = request_.body();
        check_length(body, limits_);
        urlencoded_parser parser(limits_);
        std::uint64_t size = 0;
        for (;;) {
            const auto piece = co_await body.read_block();
            size += piece.size();
            if (size > limits_.body)
                throw system_error(
                    errc::body_too_large,
                    fmt::format("the form is larger than {} bytes (form_limits::body)", limits_.body));
            if (const auto ec = piece.size() > 0 ? parser.feed(text_of(piece)) : parser.finish())
                throw system_error(ec, parser.fault());
            if (piece.size() == 0)
                break;
            body.consume(piece.size());
        }
        result.fields = std::move(parser.fields());
    }

    form result;

private:
    task<void> read_field(const form_part& part, multipart_reader& in)
    {
        value_.clear();
        for (;;) {
            const auto piece = co_await in.read_some();
            if (piece.size() == 0)
                break;
            value_ += text_of(piece);
        }
        result.fields.add(part.name, value_);
    }

    task<void> read_file(const form_part& part, multipart_reader& in)
    {
        if (part.filename->empty()) {
            const auto piece = co_await in.read_some();
            if (piece.size() == 0)
                co_return; // nothing was chosen
            in.put_back_ = true;
        }
        if (on_file_)
            co_await on_file_(part, in);
        else
            co_await keep_file(part, in);
    }

    task<void> keep_file(const form_part& part, multipart_reader& in)
    {
        if (result.files.size() >= form::most_files)
            throw system_error(errc::body_too_large,
                               fmt::format("more than {} files (form::most_files)", form::most_files));
        value_.clear();
        auto& file = *result.files.emplace_back(part).content_;
        for (;;) {
            const auto piece = co_await in.read_some();
            if (piece.size() == 0 || value_.size() + piece.size() > write_size)
                co_await write(file);
            if (piece.size() == 0)
                break;
            value_ += text_of(piece);
        }
    }

    /// What has been gathered, by a thread: the loop waits for no disk. Gathered, because the body's own blocks go when its client
    /// does, whoever still reads them; and because a thread costs as much for a small piece as for a large one.
    task<void> write(detail::spill_file& to)
    {
        if (value_.empty())
            co_return;
        error_code ec;
        co_await detail::file_threads::of(request_.get_executor()).run([&] {
            ec = to.write(std::as_bytes(std::span(value_)));
        });
        if (ec)
            throw system_error(ec, "a temporary file for an upload");
        value_.clear();
    }

    static constexpr std::size_t write_size = 64 * 1024;

    request& request_;
    const file_handler& on_file_;
    form_limits limits_;
    std::string value_; ///< of a field, or the end of what came of a file
};

task<form> read_form(request& req)
{
    return read_form(req, {}, req.limits().form);
}

task<form> read_form(request& req, file_handler on_file)
{
    return read_form(req, std::move(on_file), req.limits().form);
}

task<form> read_form(request& req, file_handler on_file, form_limits l)
{
    form_builder builder(req, on_file, l);
    const auto type = content_type_of(req);
    if (is_type(type, "multipart/form-data"))
        co_await builder.read_multipart();
    else if (is_type(type, "application/x-www-form-urlencoded"))
        co_await builder.read_urlencoded();
    else if (!type.empty() || !req.body().at_end())
        refuse_type(type);
    co_return std::move(builder.result);
}

} // namespace sluice
