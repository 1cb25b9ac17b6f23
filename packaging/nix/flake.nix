# nix build 'git+file:.?dir=packaging/nix', or the address of the repository in place of file:.
{
  description = "Single-header C libraries for AI-agent sessions, and programs on them";
  inputs.nixpkgs.url = "nixpkgs";

  outputs = { self, nixpkgs }:
    let
      systems = [ "x86_64-linux" "aarch64-linux" "x86_64-darwin" "aarch64-darwin" ];
      for_each = nixpkgs.lib.genAttrs systems;
    in {
      packages = for_each (system: {
        default = nixpkgs.legacyPackages.${system}.callPackage ./package.nix { src = ../..; };
      });
    };
}
