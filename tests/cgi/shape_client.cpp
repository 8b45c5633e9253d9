// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "support/shapes.hpp"

#include "cgi/fake_pipes.hpp"

#include <sluice/cgi/ported.hpp>

#include <iterator>

namespace sluice::test {

namespace {

class pipes_client final : public shape_client {
public:
    explicit pipes_client(const application& app) : loop_(app), pipes_(loop_) { pipes_.stall(); }

    void ask(const question& q) override
    {
        pipes_.start(q.method, {"CONTENT_LENGTH=" + q.length()});
        pipes_.write(q.body);
        pipes_.close_stdin();
    }
    void read(std::size_t n) override { pipes_.take(n); }
    void leave() override { pipes_.leave(); }
    bool ended() override { return pipes_.session().finished(); }
    bool ended_well() override { return ended() && !pipes_.session().failed(); }
    int status() override
    {
        const auto& all = pipes_.output();
        return all.starts_with("Status: ") ? std::stoi(all.substr(8)) : 0;
    }
    std::string head() override
    {
        const auto& all = pipes_.output();
        const auto end = all.find("\r\n\r\n");
        return end == all.npos ? all : all.substr(0, end + 4);
    }
    std::string body() override { return pipes_.body(); }
    fake_loop& loop() override { return loop_; }

private:
    fake_loop loop_;
    fake_pipes pipes_;
};

void stream_ported(plan p, std::istream& in, std::ostream& out)
{
    if (p.echoes)
        p.body.assign(std::istreambuf_iterator<char>(in), {});
    p.throw_if(plan::end::throws_before_head);
    out << "Status: " << p.status << '\n';
    for (const auto& [name, value] : p.headers)
        out << name << ": " << value << '\n';
    out << '\n';
    p.write_body(out);
    p.throw_if(plan::end::throws_after_body);
}

} // namespace

std::unique_ptr<shape_client> make_shape_client(const application& app)
{
    return std::make_unique<pipes_client>(app);
}

std::vector<shape> all_shapes()
{
    auto all = core_shapes();
    all.push_back({"ported", true, true, [](const plan& p) {
                       return cgi::ported([p](const environment&, std::istream& in, std::ostream& out) {
                           stream_ported(p, in, out);
                       });
                   }});
    return all;
}

} // namespace sluice::test
