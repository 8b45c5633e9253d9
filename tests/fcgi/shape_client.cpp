// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "support/shapes.hpp"

#include "fcgi/session_peer.hpp"

namespace sluice::test {

namespace {

class session_client final : public shape_client {
public:
    explicit session_client(const application& app) : loop_(app), peer_(loop_) { peer_.room = 0; }

    void ask(const question& q) override
    {
        const pairs length{{"CONTENT_LENGTH", q.length()}};
        peer_.send(begin_request(1) +
                   params(1, variables(q.method, "/", q.announced > 0 ? length : pairs())) +
                   stdin_data(1, q.body) + stdin_end(1));
    }
    void read(std::size_t n) override { peer_.read(n); }
    void leave() override { peer_.end(false); }
    bool ended() override { return peer_.closed() || reply().ends > 0; }
    bool ended_well() override { return reply().well(); }
    int status() override { return reply().status(); }
    std::string head() override { return reply().head; }
    std::string body() override { return reply().body; }
    fake_loop& loop() override { return loop_.loop(); }

private:
    test::reply reply() const { return peer_.reply_to(1); }

    session_loop loop_;
    session_peer peer_;
};

} // namespace

std::unique_ptr<shape_client> make_shape_client(const application& app)
{
    return std::make_unique<session_client>(app);
}

std::vector<shape> all_shapes()
{
    return core_shapes();
}

} // namespace sluice::test
