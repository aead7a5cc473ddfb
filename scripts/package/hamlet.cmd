@echo off
rem The hamlet command of a package on Windows. The commands were tried under Wine (docs/decisions/windows.md), but not the window.
if "%~1"=="window" (
  start "" "%~dp0hamlet-window.exe" %*
  exit /b 0
)
set ELECTRON_RUN_AS_NODE=1
"%~dp0hamlet-window.exe" "%~dp0resources\app.asar\.vite\build\hamlet.cjs" %*
exit /b %ERRORLEVEL%
