{ lib, stdenv, curl, libmicrohttpd, pkg-config, src }:

stdenv.mkDerivation {
  pname = "asm-session";
  version = "0.1.0";
  inherit src;

  nativeBuildInputs = [ pkg-config ];
  buildInputs = [ curl libmicrohttpd ];
  enableParallelBuilding = true;
  makeFlags = [ "PREFIX=${placeholder "out"}" ];
  doInstallCheck = true;
  installCheckPhase = "$out/bin/asm-cat --version";

  meta = {
    description = "Single-header C libraries for AI-agent sessions, and programs on them";
    license = with lib.licenses; [ mit unlicense ];
    mainProgram = "asm-cat";
    platforms = lib.platforms.unix;
  };
}
