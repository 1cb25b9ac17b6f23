-- What xmake does with a package's description: luajit xmake.lua DESCRIPTION SOURCE PREFIX, with the compiler CC.
-- The package is described, installed from SOURCE into PREFIX, and its test compiled there.
local description, source, prefix = arg[1], arg[2], arg[3]
local compiler = os.getenv("CC") or "cc"
local made = {urls = {}, versions = {}}

local function quoted(text) return "'" .. text:gsub("'", "'\\''") .. "'" end
local function run(...)
    local status = os.execute(string.format(...))
    return status == true or status == 0
end

local described = {
    package = function(name) made.name = name end,
    set_kind = function(kind, options) made.kind, made.headers_only = kind, options and options.headeronly end,
    set_homepage = function(page) made.homepage = page end,
    set_description = function(text) made.description = text end,
    set_license = function(licence) made.licence = licence end,
    add_urls = function(...) for _, url in ipairs {...} do table.insert(made.urls, url) end end,
    add_versions = function(version, hash) made.versions[version] = hash end,
    on_install = function(call) made.install = call end,
    on_test = function(call) made.test = call end,
    assert = assert,
    os = {cp = function(from, to)
        assert(run("mkdir -p %s && cd %s && cp %s %s", quoted(to), quoted(source), from, quoted(to)), "os.cp: " .. from)
    end},
}
-- Anything else is an error, as it is for xmake.
local chunk = assert(loadfile(description))
setfenv(chunk, setmetatable(described, {__index = function(_, name) error("no function of xmake: " .. name) end}))
chunk()

assert(made.name == "asm-session", "the name")
assert(made.kind == "library" and made.headers_only == true, "the kind")
assert(made.licence == "MIT OR Unlicense", "the licence")
for _, text in ipairs {made.description, made.homepage, made.urls[1]} do assert(type(text) == "string" and #text > 0) end
local version, hash = next(made.versions)
assert(version and hash and hash:match("^%x+$") and #hash == 64, "a version with its SHA-256")

local package = {
    installdir = function(_, folder) return prefix .. "/" .. folder end,
    check_csnippets = function(_, pieces)
        for name, piece in pairs(pieces) do
            local file = assert(io.open(prefix .. "/" .. name .. ".c", "w"))
            file:write(piece)
            file:close()
            if not run("%s -I%s/include -c %s/%s.c -o %s/%s.o", compiler, quoted(prefix), quoted(prefix), name, quoted(prefix), name) then
                return false
            end
        end
        return true
    end,
}
made.install(package)
made.test(package)
