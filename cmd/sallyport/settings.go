package main

import (
	"errors"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"sallyport/config"
)

// usualFiles are looked for in order where no file is named.
var usualFiles = []string{"sallyport.yaml", "/etc/sallyport/sallyport.yaml"}

// settingFlags are flags that stand for one setting each.
var settingFlags = []struct{ name, key, help string }{
	{"app", "http.upstream", "where the app listens, such as http://127.0.0.1:3000"},
	{"database-url-file", "database.upstream_file", "file with the database's URL"},
	{"public-url", "public_url", "where visitors find the app"},
	{"listen", "http.listen", "address of the HTTP door"},
	{"admin", "admin.listen", "address of the page and the API"},
}

// addSettingFlags gives cmd the flags that stand for one setting.
func (p *program) addSettingFlags(cmd *cobra.Command) {
	for _, f := range settingFlags {
		cmd.Flags().String(f.name, "", f.help)
	}
}

// addAdminFlag gives a command that asks the running instance its address.
func (p *program) addAdminFlag(cmd *cobra.Command) {
	cmd.Flags().String("admin", "", "address of the instance's admin listener")
}

// sources are the settings' sources as file, environment and cmd's flags name them.
func (p *program) sources(cmd *cobra.Command) (config.Sources, error) {
	src := config.Sources{File: p.settingsFile(), Environ: p.environ}
	for _, f := range settingFlags {
		if given := cmd.Flags().Lookup(f.name); given != nil && given.Changed {
			src.Flags = append(src.Flags, config.Flag{Name: "--" + f.name, Key: f.key, Value: given.Value.String()})
		}
	}
	for _, pair := range p.set {
		key, value, ok := strings.Cut(pair, "=")
		if !ok {
			return src, ends(codeUsage, "--set %s has no value, want --set KEY=VALUE", key)
		}
		src.Flags = append(src.Flags, config.Flag{Name: "--set", Key: key, Value: value})
	}
	return src, nil
}

// settingsFile is the file of --config, $SALLYPORT_CONFIG or one of the usual places; "" where there is none.
func (p *program) settingsFile() string {
	if p.file != "" {
		return p.file
	}
	for _, pair := range p.environ {
		if file, ok := strings.CutPrefix(pair, "SALLYPORT_CONFIG="); ok && file != "" {
			return file
		}
	}
	for _, file := range usualFiles {
		if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
			return file
		}
	}
	return ""
}

// load returns the checked settings.
func (p *program) load(cmd *cobra.Command) (config.Config, error) {
	src, err := p.sources(cmd)
	if err != nil {
		return config.Config{}, err
	}
	cfg, err := config.Load(src)
	if err != nil && config.AsMistakes(err) == nil {
		err = ends(codeUsage, "%w", err)
	}
	return cfg, err
}
