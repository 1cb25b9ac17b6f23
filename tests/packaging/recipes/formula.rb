# What Homebrew does with a formula: ruby formula.rb FORMULA SOURCE PREFIX. Installs from SOURCE into PREFIX, then runs the
# formula's test. On Linux, with the system's libraries in place of those that it depends on.
require "open3"
require "pathname"
require "shellwords"
require "tmpdir"

PLACE, SOURCE, WHERE = ARGV

class Formula
  FIELDS = %i[desc homepage url sha256 license].freeze
  class << self
    attr_reader :values, :needed, :testing
    FIELDS.each { |field| define_method(field) { |value| (@values ||= {})[field] = value } }
    def depends_on(what) = (@needed ||= []) << what
    def uses_from_macos(what) = depends_on(what)
    def test(&block) = @testing = block
  end

  attr_reader :testpath

  def prefix = Pathname(WHERE)
  def include = prefix/"include"
  def bin = prefix/"bin"
  def version = self.class.values[:url][/asm-session-(\d+\.\d+\.\d+)\.tar\.gz/, 1]
  def system(command, *words) = Kernel.system(*Shellwords.split(command), *words) || abort("formula: #{command} #{words.join(" ")}")
  def shell_output(command)
    output, status = Open3.capture2(command)
    status.success? ? output : abort("formula: #{command}")
  end
  def assert_match(wanted, text) = text.include?(wanted) || abort("formula: no #{wanted} in #{text}")

  def try
    Dir.chdir(SOURCE) { install }
    Dir.mktmpdir do |folder|
      @testpath = Pathname(folder)
      Dir.chdir(folder) { instance_eval(&self.class.testing) }
    end
  end
end

module Named
  def cc = self["CC"] || "cc"
end
ENV.extend(Named)

load File.expand_path(PLACE)
values = AsmSession.values
(Formula::FIELDS - values.keys).each { |field| abort "formula: no #{field}" }
abort "formula: desc has at most 80 characters, no point at its end, no name" if
  values[:desc].length > 80 || values[:desc].match?(/\.\z|\A(A|An|The|asm-session) /i)
abort "formula: sha256" unless values[:sha256].match?(/\A\h{64}\z/)
abort "formula: license" unless values[:license] == { any_of: %w[MIT Unlicense] }
abort "formula: dependencies" unless AsmSession.needed.include?("libmicrohttpd") && AsmSession.needed.include?("curl")
AsmSession.new.try
