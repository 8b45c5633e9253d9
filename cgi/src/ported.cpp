// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/cgi/ported.hpp>

#include <sluice/cgi/script_head.hpp>

#include <stdexcept>
#include <streambuf>
#include <string>
#include <string_view>
#include <utility>

namespace sluice::cgi {

namespace {

/// What the program writes into: the head up to its end, then the response's body.
class output final : public std::streambuf {
public:
    explicit output(blocking_request& r) : request_(r), parser_(r.limits()) {}

    /// The program has ended. Throws when that is no response, or `out` has failed.
    void end()
    {
        if (body_)
            return; // the request ends it
        if (parser_.end() == script_head_parser::result::failed)
            fail();
        throw std::runtime_error(fault_);
    }

private:
    [[noreturn]] void fail()
    {
        throw std::runtime_error("what the program wrote is no CGI response: " +
                                 std::string(parser_.fault()));
    }

    void start()
    {
        auto& head = parser_.head();
        if (head.what == script_head::kind::local_redirect) {
            head.response.status = 302;
            head.response.headers.add("Location", head.location);
            head.response.headers.set("Content-Type", "text/plain");
        }
        try {
            body_ = request_.start(std::move(head.response)).rdbuf();
        } catch (const std::exception& e) {
            fault_ = e.what(); // the stream keeps no more of it than a bit
            throw;
        }
    }

    std::streamsize xsputn(const char* s, std::streamsize n) override
    {
        std::string_view rest(s, static_cast<std::size_t>(n));
        if (!body_) {
            std::size_t used = 0;
            switch (parser_.feed(rest, used)) {
            case script_head_parser::result::need_more: return n;
            case script_head_parser::result::failed: fail();
            case script_head_parser::result::done: break;
            }
            start();
            rest.remove_prefix(used);
        }
        const auto size = static_cast<std::streamsize>(rest.size());
        return n - size + body_->sputn(rest.data(), size);
    }

    int_type overflow(int_type c) override
    {
        if (traits_type::eq_int_type(c, traits_type::eof()))
            return traits_type::not_eof(c);
        if (body_)
            return body_->sputc(traits_type::to_char_type(c));
        const char one = traits_type::to_char_type(c);
        xsputn(&one, 1);
        return c;
    }

    // Inside of the head there is nothing to send yet.
    int sync() override { return body_ ? body_->pubsync() : 0; }

    blocking_request& request_;
    script_head_parser parser_;
    std::streambuf* body_ = nullptr; ///< once the head is out
    std::string fault_;              ///< why it did not go out
};

} // namespace

void detail::run_ported(const ported_function& f, blocking_request& r)
{
    output buffer(r);
    std::ostream out(&buffer);
    f(r.env(), r.in(), out);
    buffer.end();
}

} // namespace sluice::cgi
