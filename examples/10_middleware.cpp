// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// What is common to all answers is put around the app. Here is one of your own, and the stack that most sites want.
//     ./10_middleware --fastcgi unix:/tmp/poem.sock
#include <sluice/middleware/access_log.hpp>
#include <sluice/middleware/conditional.hpp>
#include <sluice/middleware/error_pages.hpp>
#include <sluice/middleware/gzip.hpp>
#include <sluice/middleware/transform.hpp>
#include <sluice/sluice.hpp>

#include <charconv>
#include <iostream>

using namespace sluice::middleware;

// Turns bytes into bytes, as many as there is room for. Of clients it knows nothing: however slow they are, no more
// than one buffer of its output is ever held.
class line_numbers final : public transform {
    step run(std::span<const std::byte> in, std::span<std::byte> out, goal) override
    {
        step s;
        while (s.taken < in.size() && out.size() - s.made >= 32) { // room for a number and a byte
            if (at_line_start_) {
                const auto to = reinterpret_cast<char*>(out.data() + s.made);
                s.made += static_cast<std::size_t>(std::to_chars(to, to + 30, ++line_).ptr - to);
                out[s.made++] = std::byte(' ');
            }
            at_line_start_ = in[s.taken] == std::byte('\n');
            out[s.made++] = in[s.taken++];
        }
        s.done = s.taken == in.size();
        return s;
    }
    unsigned long line_ = 0;
    bool at_line_start_ = true;
};

sluice::application numbered(sluice::application app)
{
    return transform_response(std::move(app), [](sluice::request&, sluice::response_head& head) {
        const bool text = head.headers.get("Content-Type").starts_with("text/plain");
        return text ? std::make_unique<line_numbers>() : nullptr; // none: the body stays as it is
    });
}

sluice::response poem(sluice::request& req)
{
    if (req.env().path_info() != "/")
        return {404, {}, {}, {}}; // error_pages makes the page
    std::string text = "Water finds a way,\nthe gate\nsays when.\n";
    return {200, {{"Content-Type", "text/plain"}}, text + text + text + text + text + text + text + text, {}};
}

// The outermost sees the answer last: the log has what was sent. The ETag is made before gzip, which takes care of it.
int main(int argc, char** argv)
{
    auto app = gzip(conditional(numbered(poem), {.hashed_body = 65536}));
    return sluice::run(argc, argv, access_log(error_pages(std::move(app)), lines_to(std::cerr)));
}
