module credentials-reader

go 1.21
