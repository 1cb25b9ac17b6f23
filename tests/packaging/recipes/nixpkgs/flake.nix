# As much of nixpkgs as our flake and package ask for, on the programs and libraries of the system, without a sandbox:
# nix build --override-input nixpkgs path:HERE 'git+file:SOURCE?dir=packaging/nix'
{
  outputs = { self }:
    let
      systems = [ "x86_64-linux" "aarch64-linux" "x86_64-darwin" "aarch64-darwin" ];
      genAttrs = names: value: builtins.listToAttrs (map (name: { inherit name; value = value name; }) names);
      lib = {
        inherit genAttrs;
        licenses = { mit = "MIT"; unlicense = "Unlicense"; };
        platforms.unix = systems;
      };
      packages_for = system: rec {
        inherit lib;
        stdenv.mkDerivation = attributes: derivation ({
          name = "${attributes.pname}-${attributes.version}";
          inherit system;
          builder = "/bin/sh";
          args = [ "-euc" ''
            export PATH=/usr/local/bin:/usr/bin:/bin
            cp -R $src source && chmod -R u+w source && cd source
            make $makeFlags
            make install $makeFlags
            eval "$installCheckPhase"
          '' ];
        } // removeAttrs attributes [ "meta" ]);
        curl = "";
        libmicrohttpd = "";
        pkg-config = "";
        callPackage = file: given:
          let package = import file;
          in package (builtins.intersectAttrs (builtins.functionArgs package) (packages_for system) // given);
      };
    in {
      inherit lib;
      legacyPackages = genAttrs systems packages_for;
    };
}
