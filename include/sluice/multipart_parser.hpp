// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/errc.hpp>
#include <sluice/limits.hpp>
#include <sluice/response.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice {

/// What comes before the content of one part of a form: a field, or a file.
struct form_part {
    std::string name;

    /// What the client calls the file; fields have none. **Never a path**: it may be `../../etc/passwd`, or anything else
    /// but control characters (line ends, though, which browsers encode). Make up a name of your own, or use `safe_file_name`.
    std::optional<std::string> filename;

    /// As the client says, "" when it does not. Browsers guess it from the file's name.
    std::string content_type;

    header_list headers; ///< all of them, as they came

    bool is_file() const noexcept { return filename.has_value(); }
};

/// multipart/form-data as it comes (RFC 7578, RFC 2046 section 5.1), cut anywhere: parts in order, each with its data in pieces.
///
///     preamble ─boundary▶ head ─empty line▶ data ─boundary▶ line ─▶ head
///        (any bytes)   part_begin      part_data…  part_end  └"--"▶ done (what comes behind is nobody's)
///
/// | malformed: `bad_form` | why not leniently |
/// |---|---|
/// | lines that end in LF alone, folded header lines, control characters in them | nobody sends them; readers differ in what they make of them, and then what a filter in front let pass is not what the app gets |
/// | something else behind a boundary than spaces and a line end, or `--` and anything | RFC 2046: a boundary is not in the data |
/// | a part without Content-Disposition: form-data and a name; header or parameter twice | RFC 7578 section 4.2 |
/// | Content-Transfer-Encoding other than 7bit, 8bit and binary (`unsupported_form`) | RFC 7578 section 4.7 has none |
/// | the end before the last boundary (`body_incomplete`) | an upload cut off must not look whole (R19) |
///
/// Names are decoded as browsers encode them (WHATWG HTML, multipart/form-data encoding algorithm): %22, %0D and %0A are
/// `"`, CR and LF, no other % means anything; `\"` and `\\` as older ones and curl do. `filename*` is ignored, as RFC 7578 wants.
///
/// Sans-I/O; holds one part's head and no data. Thread safety: none.
class multipart_parser {
public:
    enum class event : unsigned char {
        need_more,  ///< all was taken
        part_begin, ///< `part()` is new
        part_data,  ///< `data()`, at least a byte of the part
        part_end,
        done,   ///< the last boundary was there; what follows is taken and ignored
        failed, ///< `error()` and `fault()` say why; nothing more is taken
    };

    /// Precondition: `boundary` is one (`boundary_of`).
    multipart_parser(std::string_view boundary, const form_limits& l);

    /// What comes next; takes what it stands for off the front of `bytes`. `need_more` means that `bytes` is empty now.
    event next(std::string_view& bytes);

    /// The body has ended: `done`, or `failed`.
    event finish();

    /// Valid from `part_begin` until the next one.
    const form_part& part() const noexcept { return part_; }
    /// A part of what `next` was given, or of the parser: valid until its next call, and no longer than those bytes.
    std::string_view data() const noexcept { return data_; }

    error_code error() const noexcept { return error_; }
    const std::string& fault() const noexcept { return fault_; }

private:
    enum class state : unsigned char {
        preamble,
        data,
        boundary_line,
        line_end,
        last_dash,
        head,
        done,
        failed
    };

    event step(std::string_view& bytes);
    event find_boundary(std::string_view& bytes);
    event match_boundary(std::string_view& bytes);
    event give(std::string_view data);
    std::uint64_t take_room(std::uint64_t n, std::uint64_t most, std::uint64_t& used, const char* what);
    event read_boundary_line(std::string_view& bytes);
    event read_head(std::string_view& bytes);
    event parse_head();
    void parse_line(std::string_view line);
    bool parse_disposition(std::string_view value);
    void begin_matching(state s) noexcept;
    event fail(errc code, std::string why);

    form_limits limits_;
    std::string delimiter_; ///< CR LF "--" boundary
    state state_ = state::preamble;
    std::size_t matched_ = 0; ///< bytes of the delimiter that the last pieces ended with
    std::size_t assumed_ = 0; ///< the first of those that were no data: the line end before the content
    std::size_t blanks_ = 0;
    std::string head_;
    std::size_t line_at_ = 0; ///< of head_
    form_part part_;
    std::string_view data_;
    std::size_t parts_ = 0;
    std::uint64_t part_size_ = 0, fields_size_ = 0, body_size_ = 0;
    error_code error_;
    std::string fault_;
};

/// The boundary that a Content-Type multipart/form-data names; nothing when it is none (RFC 2046 section 5.1.1).
std::optional<std::string> boundary_of(std::string_view content_type);

/// A name for a file in a folder of yours, made of what the client calls it: what is behind the last `/` or `\`, without control
/// characters, those that Windows forbids (`<>:"|?*`) as `_`, no dots or spaces at either end, at most 120 bytes. "file"
/// when nothing is left. Not unique: see that it overwrites nothing.
std::string safe_file_name(std::string_view filename);

} // namespace sluice
