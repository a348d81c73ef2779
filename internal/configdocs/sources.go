package configdocs

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// sources are what reflection cannot tell: comments, and which constants there are of a type.
type sources struct {
	// types and fields hold doc comments on one line, by package.Type and package.Type.Field.
	types, fields map[string]string
	// constants are the values of a type's string constants, in their order.
	constants map[string][]string
	// allowed are the only values of keys whose types do not tell, by path.
	allowed map[string][]string
}

func parseSources(root string, dirs ...string) (*sources, error) {
	s := &sources{types: map[string]string{}, fields: map[string]string{}, constants: map[string][]string{}, allowed: map[string][]string{}}
	for _, dir := range dirs {
		paths, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
		if err != nil {
			return nil, err
		}
		slices.Sort(paths)
		for _, path := range paths {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
			if err != nil {
				return nil, fmt.Errorf("read the comments of %s: %w", path, err)
			}
			for _, d := range file.Decls {
				if g, ok := d.(*ast.GenDecl); ok {
					s.declaration(file.Name.Name, g)
				}
			}
		}
	}
	return s, nil
}

func (s *sources) declaration(pkg string, d *ast.GenDecl) {
	for _, spec := range d.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			name := pkg + "." + spec.Name.Name
			s.types[name] = oneLine(d.Doc)
			structure, ok := spec.Type.(*ast.StructType)
			if !ok {
				continue
			}
			for _, field := range structure.Fields.List {
				for _, ident := range field.Names {
					s.fields[name+"."+ident.Name] = oneLine(field.Doc)
				}
			}
		case *ast.ValueSpec:
			s.constant(pkg, spec)
		}
	}
}

func (s *sources) constant(pkg string, spec *ast.ValueSpec) {
	kind, ok := spec.Type.(*ast.Ident)
	if !ok {
		return
	}
	for _, value := range spec.Values {
		if literal, ok := value.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			if text, err := strconv.Unquote(literal.Value); err == nil {
				s.constants[pkg+"."+kind.Name] = append(s.constants[pkg+"."+kind.Name], text)
			}
		}
	}
}

func oneLine(doc *ast.CommentGroup) string { return strings.Join(strings.Fields(doc.Text()), " ") }
